/** The part of an AWS service model (botocore's JSON form) that the generator reads. */
export interface ServiceModel {
  readonly operations: Readonly<Record<string, ModelOperation>>;
  readonly shapes: Readonly<Record<string, ModelShape>>;
}

export interface ModelOperation {
  readonly input: ShapeReference;
  readonly output?: ShapeReference;
  readonly errors?: readonly ShapeReference[];
}

export interface ModelShape {
  readonly type: string;
  readonly members?: Readonly<Record<string, ShapeReference>>;
  readonly required?: readonly string[];
  readonly member?: ShapeReference;
  readonly key?: ShapeReference;
  readonly value?: ShapeReference;
  readonly enum?: readonly string[];
  readonly min?: number;
  readonly max?: number;
  readonly pattern?: string;
  readonly sensitive?: boolean;
  readonly exception?: boolean;
  /** The query protocol names an error by a code of its own. */
  readonly error?: { readonly code?: string };
}

export interface ShapeReference {
  readonly shape: string;
  readonly deprecated?: boolean;
  readonly deprecatedMessage?: string;
}

/** The names of the modelled exceptions as they are sent, sorted. */
export function exceptionNames(model: ServiceModel): string[] {
  return Object.keys(model.shapes)
    .filter((name) => model.shapes[name]?.exception === true)
    .map((name) => wireName(model, name))
    .sort();
}

/** What the wire calls an exception. */
export function wireName(model: ServiceModel, exception: string): string {
  return shapeOf(model, exception).error?.code ?? exception;
}

/** The names of the shapes that some operation's input or output reaches, sorted: no exception is among them. */
export function reachableShapes(model: ServiceModel): string[] {
  const reached = new Set<string>();
  const pending: string[] = [];
  for (const { input, output } of Object.values(model.operations)) {
    pending.push(input.shape);
    if (output !== undefined) pending.push(output.shape);
  }
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    if (reached.has(name)) continue;
    reached.add(name);
    pending.push(...referencesOf(shapeOf(model, name)).map((reference) => reference.shape));
  }
  return [...reached].sort();
}

/** Throws an Error when the model names a shape that it does not define. */
export function shapeOf(model: ServiceModel, name: string): ModelShape {
  const shape = model.shapes[name];
  if (shape === undefined) throw new Error(`the model has no shape ${name}`);
  return shape;
}

function referencesOf(shape: ModelShape): ShapeReference[] {
  const optional = [shape.member, shape.key, shape.value];
  return [...Object.values(shape.members ?? {}), ...optional.filter((one) => one !== undefined)];
}

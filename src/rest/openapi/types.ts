/** A JSON object of the document. What stands where is held by the schema of OpenAPI 3.1, which a test applies. */
export type Json = Readonly<Record<string, unknown>>;

/** A JSON Schema of the 2020-12 dialect. */
export type Schema = Json;

/** What OpenAPI calls one operation: its method at a path. */
export interface PathOperation extends Json {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly parameters?: readonly Json[];
  readonly requestBody?: Json;
  readonly responses: Readonly<Record<string, Json>>;
}

/** By path, then by method in small letters. */
export type Paths = Readonly<Record<string, Readonly<Record<string, PathOperation>>>>;

export interface OpenApiDocument extends Json {
  readonly openapi: '3.1.0' | '3.1.1';
  readonly paths: Paths;
  readonly components: Readonly<
    Record<
      'schemas' | 'responses' | 'parameters' | 'examples' | 'headers' | 'securitySchemes',
      Json
    >
  >;
}

/** Without the members that are undefined. */
export function present(json: Json): Json {
  return Object.fromEntries(Object.entries(json).filter(([, value]) => value !== undefined));
}

/** Where allowances come from. */
export interface AllowanceSource {
  /** How many are asked for at first, and at the most. */
  readonly sizes: { readonly first: number; readonly largest: number };
  /** How many of so many encryptions may be made under the material, which are counted as made; 0: none, ever again. */
  reserve(materialId: string, count: number): Promise<number>;
}

/**
 * The encryptions that a worker may make under a material, counted before they are made. Taking one is a decrement. What
 * is left of a reservation when half of it is gone gives time to ask for the next, which is twice as large.
 */
export class Allowance {
  private left = 0;
  private mark = 0;
  private size: number;
  private spent = false;
  private asking: Promise<void> | undefined;

  constructor(
    private readonly materialId: string,
    private readonly source: AllowanceSource,
  ) {
    this.size = source.sizes.first;
  }

  /** Whether one was left to take. */
  take(): boolean {
    if (this.left === 0) return false;
    this.left -= 1;
    // If this fails, whoever finds nothing left asks again and is told.
    if (this.left === this.mark && !this.spent) this.ask().catch(() => undefined);
    return true;
  }

  /** Takes one when it comes; false when the material has none any more. Rejects when nobody can say. */
  async taken(): Promise<boolean> {
    while (!this.take()) {
      if (this.spent) return false;
      await this.ask();
    }
    return true;
  }

  private async ask(): Promise<void> {
    this.asking ??= this.reserve().finally(() => (this.asking = undefined));
    await this.asking;
  }

  private async reserve(): Promise<void> {
    const granted = await this.source.reserve(this.materialId, this.size);
    this.spent = granted === 0;
    this.left += granted;
    this.mark = this.left >> 1;
    this.size = Math.min(this.size * 2, this.source.sizes.largest);
  }
}

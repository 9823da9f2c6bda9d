const width = 30;

/** How far a long command is, on standard error: a bar on a terminal, and a line a tenth elsewhere. */
export class Progress {
  private done = 0;
  private tenths = 0;

  constructor(
    private readonly what: string,
    private readonly total: number,
    private readonly stream: Pick<NodeJS.WriteStream, 'write' | 'isTTY'> = process.stderr,
  ) {}

  add(count: number): void {
    this.done += count;
    const share = this.total === 0 ? 1 : Math.min(1, this.done / this.total);
    const text = `${this.what} ${this.done} of ${this.total}`;
    if (this.stream.isTTY) {
      const bar = '#'.repeat(Math.floor(share * width)).padEnd(width, '.');
      this.stream.write(`\r[${bar}] ${Math.floor(share * 100)} % ${text}`);
      return;
    }
    const tenths = Math.floor(share * 10);
    if (tenths > this.tenths) this.stream.write(`${text}\n`);
    this.tenths = tenths;
  }

  /** What is written next begins a line. */
  end(): void {
    if (this.stream.isTTY) this.stream.write('\n');
  }
}

/** Rows of a table that are due from a moment on. */
export interface Schedule {
  /** The job that works them off, as metrics, the log and job_attempt call it. */
  readonly name: string;
  readonly due: DueRows;
}

/** Timed work: rows that are due, and what is done with each. */
export interface Job extends Schedule {
  /**
   * Does what is due. It may have been begun before, by a worker that was killed, and another worker may be at it: every
   * step is safe to repeat, and the row is locked where only one may go on. Rejects to be tried again later. Resolves
   * false when there was nothing left to do.
   */
  run(task: Task): Promise<boolean>;
}

/** Fragments of SQL, written by hand in the job. The rows are locked for a moment to be claimed. */
export interface DueRows {
  readonly from: string;
  readonly where: string;
  /** Which of them a worker can do; the others wait for people, and are counted as overdue until then. Absent: all. */
  readonly claimable?: string;
  /** Rows alone of which this is true, with the value as its parameter. */
  readonly only?: { readonly where: (parameter: string) => string; readonly value: string };
  readonly subject: string;
  /** A timestamptz(3). */
  readonly at: string;
}

export interface Task {
  /** What the row is called. */
  readonly subject: string;
  /** Added to the database's clock, which alone decides what is due. 0 but in tests. */
  readonly clockOffsetSeconds: number;
}

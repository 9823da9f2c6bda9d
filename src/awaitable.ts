/** Something that is there at once, or later. `await` takes both. */
export type Awaitable<T> = T | Promise<T>;

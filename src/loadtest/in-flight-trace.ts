/** How many events were in flight over time. */
export interface InFlightTrace {
  /** Moments do not go back. */
  note(atMs: number, inFlight: number): void;
  /** The mean between two moments; 0 where nothing was noted. */
  mean(fromMs: number, toMs: number): number;
}

const BUCKET_MS = 100;

/** Makes an empty one; tenths of a second are told apart. */
export function createInFlightTrace(): InFlightTrace {
  const sums: number[] = [];
  const counts: number[] = [];
  return {
    note(atMs, inFlight) {
      const bucket = Math.max(0, Math.floor(atMs / BUCKET_MS));
      sums[bucket] = (sums[bucket] ?? 0) + inFlight;
      counts[bucket] = (counts[bucket] ?? 0) + 1;
    },
    mean(fromMs, toMs) {
      let sum = 0;
      let count = 0;
      const last = Math.ceil(toMs / BUCKET_MS);
      for (let bucket = Math.floor(fromMs / BUCKET_MS); bucket < last; bucket += 1) {
        const noted = counts[bucket] ?? 0;
        // Each tenth of a second weighs the same, however often the generator came round in it.
        if (noted === 0) continue;
        sum += (sums[bucket] ?? 0) / noted;
        count += 1;
      }
      return count === 0 ? 0 : sum / count;
    },
  };
}

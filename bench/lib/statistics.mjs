/** Returns the `q`-quantile (0 to 1) of a sorted list. */
export function quantile(sorted, q) {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))];
}

/** Returns the median and the quartiles, interpolated between the two nearest values. */
export function summarize(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (q) => {
    const index = (sorted.length - 1) * q;
    const [low, high] = [sorted[Math.floor(index)], sorted[Math.ceil(index)]];
    return low + (high - low) * (index - Math.floor(index));
  };
  return { median: at(0.5), q1: at(0.25), q3: at(0.75) };
}

export function median(values) {
  return summarize(values).median;
}

/** Formats a median and its quartiles. */
export function format({ median: middle, q1, q3 }) {
  return `${middle.toFixed(2)} (${q1.toFixed(2)}-${q3.toFixed(2)})`;
}

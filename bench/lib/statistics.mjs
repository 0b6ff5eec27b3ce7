/** Of a sorted list. */
export function quantile(sorted, q) {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))];
}

/** Median and quartiles; of an even number of values the median is the middle between two. */
export function summarize(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (q) => {
    const place = (sorted.length - 1) * q;
    const [low, high] = [sorted[Math.floor(place)], sorted[Math.ceil(place)]];
    return low + (high - low) * (place - Math.floor(place));
  };
  return { median: at(0.5), q1: at(0.25), q3: at(0.75) };
}

export function median(values) {
  return summarize(values).median;
}

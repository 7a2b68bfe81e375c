/**
 * Figures for monitoring, served at GET /metrics. Registered once by the part that knows them (constructor), changed as things happen; never throws for a value.
 * Label values are few and known (an integration's id, a code), never free text: each new one is kept in memory for ever.
 */
export interface MetricOptions {
  /** By the Prometheus rules: `tidegate_`, words in lower case, unit at the end (`_seconds`, `_bytes`), counters end in `_total`. */
  name: `tidegate_${string}`;
  help: string;
  labels?: readonly string[];
}
export type MetricLabels = Readonly<Record<string, string>>;

export interface Counter {
  /** Adds 1 or more. */
  add(amount?: number, labels?: MetricLabels): void;
}
export interface Gauge {
  set(value: number, labels?: MetricLabels): void;
  /** Forgets every label value, so that what is gone does not stay. */
  clear(): void;
}
export interface Histogram {
  observe(value: number, labels?: MetricLabels): void;
}

export interface Metrics {
  /** The same name and labels again give the same metric. @throws when the name is taken by something else. */
  counter(options: MetricOptions): Counter;
  /** `collect` runs at each scrape and sets the gauge then: for what is counted elsewhere, for example in documents. */
  gauge(options: MetricOptions & { collect?: (gauge: Gauge) => void | Promise<void> }): Gauge;
  /** `buckets` are upper bounds, ascending. */
  histogram(options: MetricOptions & { buckets: readonly number[] }): Histogram;
}
export const METRICS = Symbol('Metrics');

const nothing = { add() {}, set() {}, clear() {}, observe() {} };
/** Metrics that nobody reads, for tests. */
export const noMetrics: Metrics = { counter: () => nothing, gauge: () => nothing, histogram: () => nothing };

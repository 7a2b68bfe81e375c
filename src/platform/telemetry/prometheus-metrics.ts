import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import * as prometheus from 'prom-client';
import { LOG } from '../../contracts/log.js';
import type { Log } from '../../contracts/log.js';
import type { Counter, Gauge, Histogram, MetricOptions, Metrics } from '../../contracts/metrics.js';

/** Metrics in the Prometheus text format, in a registry of their own, so that two services in one process do not meet. */
@Injectable()
export class PrometheusMetrics implements Metrics, OnApplicationBootstrap {
  private readonly registry = new prometheus.Registry();
  private readonly metrics = new Map<string, { shape: string; metric: Counter | Gauge | Histogram }>();
  private readonly log: Log;
  private readonly failures: Counter;

  constructor(@Inject(LOG) log: Log) {
    this.log = log.child('metrics');
    this.failures = this.counter({ name: 'tidegate_metrics_failures_total', help: 'Figures that could not be collected for a scrape', labels: ['metric'] });
  }

  onApplicationBootstrap(): void {
    prometheus.collectDefaultMetrics({ register: this.registry });
  }

  counter(options: MetricOptions): Counter {
    return this.once('counter', options, () => {
      const counter = new prometheus.Counter({ name: options.name, help: options.help, labelNames: [...(options.labels ?? [])], registers: [this.registry] });
      return { add: (amount = 1, labels = {}) => counter.inc(labels, amount) };
    });
  }

  gauge(options: MetricOptions & { collect?: (gauge: Gauge) => void | Promise<void> }): Gauge {
    return this.once('gauge', options, () => {
      const gauge = new prometheus.Gauge({ name: options.name, help: options.help, labelNames: [...(options.labels ?? [])], registers: [this.registry], collect: async () => this.collect(options, own) });
      const own: Gauge = { set: (value, labels = {}) => gauge.set(labels, value), clear: () => gauge.reset() };
      return own;
    });
  }

  histogram(options: MetricOptions & { buckets: readonly number[] }): Histogram {
    return this.once('histogram', options, () => {
      const histogram = new prometheus.Histogram({ name: options.name, help: options.help, labelNames: [...(options.labels ?? [])], buckets: [...options.buckets], registers: [this.registry] });
      return { observe: (value, labels = {}) => histogram.observe(labels, value) };
    });
  }

  /** Everything in the text format, and its content type. */
  async text(): Promise<{ contentType: string; body: string }> {
    return { contentType: this.registry.contentType, body: await this.registry.metrics() };
  }

  private once<T extends Counter | Gauge | Histogram>(kind: string, { name, labels }: MetricOptions, make: () => T): T {
    const shape = `${kind}(${[...(labels ?? [])].sort().join(',')})`;
    const known = this.metrics.get(name);
    if (known && known.shape !== shape) throw new Error(`metric ${name} is a ${known.shape} already and cannot be a ${shape}`);
    if (known) return known.metric as T;
    const metric = make();
    this.metrics.set(name, { shape, metric });
    return metric;
  }

  /** One figure that cannot be had does not take the others away. */
  private async collect({ name, collect }: { name: string; collect?: (gauge: Gauge) => void | Promise<void> }, gauge: Gauge): Promise<void> {
    if (!collect) return;
    try {
      await collect(gauge);
    } catch (error) {
      this.failures.add(1, { metric: name });
      this.log.warn({ metric: name, error }, 'a figure could not be collected for this scrape');
    }
  }
}

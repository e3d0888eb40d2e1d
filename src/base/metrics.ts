/** Figures of a daemon in the text format that Prometheus reads. Pure. */

export interface Metric {
  /** Snake case, with its unit, behind `tees_`; of a counter it ends in `_total`. */
  readonly name: string;
  readonly kind: 'gauge' | 'counter';
  readonly help: string;
  readonly value: number;
}

/** https://prometheus.io/docs/instrumenting/exposition_formats/; every figure has these labels. */
export function metricsText(metrics: readonly Metric[], labels: Readonly<Record<string, string>>): string {
  const escaped = (text: string): string =>
    text.replace(/[\\"\n]/g, (one) => (one === '\n' ? '\\n' : `\\${one}`));
  const all = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return metrics
    .map(({ name, kind, help, value }) => {
      const full = `tees_${name}`;
      return `# HELP ${full} ${help}\n# TYPE ${full} ${kind}\n${full}{${all.join(',')}} ${value}\n`;
    })
    .join('');
}

export const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

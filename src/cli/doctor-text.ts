import { styleText } from 'node:util';
import type { DoctorReport, Finding } from '../doctor/report.js';

/** The maximum length of a line, and the widths of two columns, in characters. */
const WIDTH = 110;
const LABEL = 10;
const NAME = 15;
const COLORS = { ok: 'green', skipped: 'dim', warning: 'yellow', error: 'red' } as const;

/**
 * Formats the doctor's report as text.
 *
 * @param stream - The stream to which the caller writes the text. The text has colours if the stream supports colours
 * and no environment variable, such as `NO_COLOR`, disables them. Without a stream the text has no colours.
 */
export function formatReport({ findings, ...report }: DoctorReport, stream?: NodeJS.WritableStream): string {
  const subject = report.appHost === undefined ? '' : `: ${report.appHost}, app ${report.appId}`;
  return [
    `passport-genauth doctor ${report.version}${subject}`,
    '',
    ...group(findings).map((finding) => formatFinding(finding, stream)),
    '',
    summarize(findings),
  ].join('\n');
}

/** A finding in the output, with the names of all checks that have the same message. */
type GroupedFinding = Finding & { readonly names: string[] };

/** Combines consecutive findings of skipped checks that have the same message. */
function group(findings: readonly Finding[]): GroupedFinding[] {
  const groups: GroupedFinding[] = [];
  for (const finding of findings) {
    const last = groups.at(-1);
    if (last?.message === finding.message && last.level === 'skipped') last.names.push(finding.check);
    else groups.push({ ...finding, names: [finding.check] });
  }
  return groups;
}

function formatFinding(finding: GroupedFinding, stream: NodeJS.WritableStream | undefined): string {
  const { level, names, code } = finding;
  const [name = '', ...others] = names;
  const message = others.length === 0 ? finding.message : `(and ${others.join(', ')}) ${finding.message}`;
  const label = level.padEnd(LABEL);
  const styled = stream === undefined ? label : styleText(COLORS[level], label, { stream });
  const lines = [styled + name.padEnd(NAME) + wrap(message, LABEL + NAME)];
  if (finding.level === 'warning' || finding.level === 'error') {
    const advice = [
      ['impact', finding.impact],
      ...(finding.consolePage === undefined ? [] : [['console', finding.consolePage]]),
      ['fix', finding.fix],
      ...(finding.docs === undefined ? [] : [['docs', finding.docs]]),
      ['code', code],
    ];
    for (const [title = '', text = ''] of advice) {
      lines.push(' '.repeat(LABEL + NAME) + title.padEnd(LABEL) + wrap(text, 2 * LABEL + NAME));
    }
  }
  return lines.join('\n');
}

/** Breaks a text into lines between words. All lines after the first line begin in the given column. */
function wrap(text: string, column: number): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && column + line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = '';
    }
    line += line === '' ? word : ` ${word}`;
  }
  return [...lines, line].join(`\n${' '.repeat(column)}`);
}

function summarize(findings: readonly Finding[]): string {
  const count = (level: Finding['level']): number => findings.filter((finding) => finding.level === level).length;
  const plural = (number: number, word: string): string => `${number} ${word}${number === 1 ? '' : 's'}`;
  const problems = `${plural(count('error'), 'error')}, ${plural(count('warning'), 'warning')}`;
  return `${problems}, ${count('ok')} ok, ${count('skipped')} skipped.`;
}

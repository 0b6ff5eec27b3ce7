import type { DoctorReport, Finding } from '../doctor/report.js';

const WIDTH = 110;
const LABEL = 10;
const NAME = 15;
const COLORS: Readonly<Record<Finding['level'], string>> = { ok: '32', skipped: '2', warning: '33', error: '31' };

/** The report for a person at a terminal. */
export function formatReport({ findings, ...report }: DoctorReport, colored: boolean): string {
  const subject = report.appHost === undefined ? '' : `: ${report.appHost}, app ${report.appId}`;
  return [
    `passport-genauth doctor ${report.version}${subject}`,
    '',
    ...group(findings).map((finding) => formatFinding(finding, colored)),
    '',
    summarize(findings),
  ].join('\n');
}

/** Neighbours that say the same are one, with all their names. */
function group(findings: readonly Finding[]): Shown[] {
  const shown: Shown[] = [];
  for (const finding of findings) {
    const last = shown.at(-1);
    if (last?.seen === finding.seen && last.level === 'skipped') last.names.push(finding.check);
    else shown.push({ ...finding, names: [finding.check] });
  }
  return shown;
}

type Shown = Finding & { readonly names: string[] };

function formatFinding(finding: Shown, colored: boolean): string {
  const { level, names, code } = finding;
  const [name = '', ...others] = names;
  const seen = others.length === 0 ? finding.seen : `(and ${others.join(', ')}) ${finding.seen}`;
  const label = level.padEnd(LABEL);
  const shown = colored ? `\u001b[${COLORS[level]}m${label}\u001b[0m` : label;
  const lines = [shown + name.padEnd(NAME) + wrap(seen, LABEL + NAME)];
  if (finding.level === 'warning' || finding.level === 'error') {
    const advice = [
      ['why', finding.why],
      ...(finding.page === undefined ? [] : [['console', finding.page]]),
      ['mend', finding.mend],
      ['code', code],
    ];
    for (const [title = '', text = ''] of advice) {
      lines.push(' '.repeat(LABEL + NAME) + title.padEnd(LABEL) + wrap(text, 2 * LABEL + NAME));
    }
  }
  return lines.join('\n');
}

/** Breaks a text between words; what follows the first line begins in the given column. */
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
  const some = (number: number, word: string): string => `${number} ${word}${number === 1 ? '' : 's'}`;
  return `${some(count('error'), 'error')}, ${some(count('warning'), 'warning')}, ${count('ok')} ok, ${count('skipped')} not looked at.`;
}

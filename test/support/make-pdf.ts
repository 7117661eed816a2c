/** Options of {@link makePdf}. */
export interface PdfOptions {
  readonly title?: string;
  /** Whether a password is needed to read it. */
  readonly isEncrypted?: boolean;
}

/** A small PDF of pages of lines, as bytes: a real file with one font, a table of objects and a trailer. */
export function makePdf(pages: readonly (readonly string[])[], options: PdfOptions = {}): Uint8Array {
  const pageIds = pages.map((_, index) => 4 + index * 2);
  const objects = [
    '<< /Type /Catalog /Pages 2 0 R >>',
    `<< /Type /Pages /Kids [${pageIds.map((id) => `${id} 0 R`).join(' ')}] /Count ${pages.length} >>`,
    '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>',
    ...pages.flatMap((lines, index) => [
      `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents ${5 + index * 2} 0 R /Resources << /Font << /F1 3 0 R >> >> >>`,
      streamOf(lines),
    ]),
    `<< /Title (${escapeText(options.title ?? '')}) >>`,
  ];
  const infoId = objects.length;
  const hex = '<'.concat('5a'.repeat(32), '>');
  if (options.isEncrypted)
    objects.push(`<< /Filter /Standard /V 1 /R 2 /O ${hex} /U ${hex} /P -44 /Length 40 >>`);
  const encrypt = options.isEncrypted ? ` /Encrypt ${objects.length} 0 R /ID [${hex} ${hex}]` : '';

  let text = '%PDF-1.4\n';
  const offsets = objects.map((object, index) => {
    const offset = text.length;
    text += `${index + 1} 0 obj\n${object}\nendobj\n`;
    return offset;
  });
  const start = text.length;
  const rows = offsets.map((offset) => `${String(offset).padStart(10, '0')} 00000 n \n`).join('');
  text += `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${rows}`;
  text += `trailer\n<< /Size ${objects.length + 1} /Root 1 0 R /Info ${infoId} 0 R${encrypt} >>\nstartxref\n${start}\n%%EOF\n`;
  return Buffer.from(text, 'latin1');
}

/** An empty line is a gap between paragraphs. */
function streamOf(lines: readonly string[]): string {
  const shown = lines.map((line) => (line === '' ? '0 -14 Td' : `(${escapeText(line)}) Tj 0 -14 Td`));
  const content = `BT /F1 12 Tf 72 720 Td ${shown.join(' ')} ET`;
  return `<< /Length ${content.length} >>\nstream\n${content}\nendstream`;
}

function escapeText(text: string): string {
  return text.replace(/[\\()]/g, '\\$&');
}

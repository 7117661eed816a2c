import type { PdfAnswer, PdfFault, PdfRequest } from './pdf-messages.ts';

type Unpdf = typeof import('unpdf');
type PdfDocument = Awaited<ReturnType<Unpdf['getDocumentProxy']>>;
type PageItem = Awaited<
  ReturnType<Awaited<ReturnType<PdfDocument['getPage']>>['getTextContent']>
>['items'][number];

/** A gap between two lines that is larger than this many times their height begins a paragraph. */
const PARAGRAPH_GAP_MIN = 1.9;

class FaultError extends Error {
  readonly fault: PdfFault;
  constructor(fault: PdfFault, reason: string) {
    super(reason);
    this.fault = fault;
  }
}

/** Reads a PDF with unpdf, which carries a build of PDF.js. Never rejects. */
export async function readPdfText(request: PdfRequest): Promise<PdfAnswer> {
  try {
    const { getDocumentProxy } = await loadUnpdf();
    const document = await getDocumentProxy(request.bytes, {
      // Errors only: what is wrong with a file is told once, by us.
      verbosity: 0,
      enableXfa: false,
    });
    try {
      return { ok: true, text: await readPages(document, request) };
    } finally {
      await document.loadingTask.destroy();
    }
  } catch (error) {
    if (error instanceof FaultError) return { ok: false, fault: error.fault, reason: error.message };
    const reason = error instanceof Error ? error.message : String(error);
    const isEncrypted = error instanceof Error && error.name === 'PasswordException';
    return { ok: false, fault: isEncrypted ? 'encrypted' : 'broken', reason };
  }
}

async function loadUnpdf(): Promise<Unpdf> {
  try {
    return await import('unpdf');
  } catch (error) {
    throw new FaultError('packageMissing', error instanceof Error ? error.message : String(error));
  }
}

async function readPages(
  document: PdfDocument,
  { lengthMax, pagesMax }: PdfRequest,
): Promise<{ readonly content: string; readonly title: string | undefined; readonly pageCount: number }> {
  const pageCount = document.numPages;
  if (pageCount > pagesMax) {
    throw new FaultError('tooLarge', `it has ${pageCount} pages; the most is ${pagesMax}`);
  }
  const pages: string[] = [];
  let length = 0;
  for (let number = 1; number <= pageCount; number += 1) {
    const page = await document.getPage(number);
    const { items } = await page.getTextContent();
    const text = joinItems(items);
    page.cleanup();
    length += text.length;
    if (length > lengthMax)
      throw new FaultError('tooLarge', `its text has more than ${lengthMax} characters`);
    if (text !== '') pages.push(text);
  }
  const content = pages.length === 0 ? '' : `${pages.join('\n\n')}\n`;
  return { content, title: await readTitle(document), pageCount };
}

async function readTitle(document: PdfDocument): Promise<string | undefined> {
  const { info } = await document.getMetadata();
  const title: unknown = 'Title' in info ? info.Title : undefined;
  return typeof title === 'string' ? title : undefined;
}

/** The text of a page, line by line; where lines stand far apart, with a blank line between them. */
function joinItems(items: readonly PageItem[]): string {
  const lines: string[] = [];
  let line = '';
  let bottom: number | undefined;
  let height = 0;
  for (const item of items) {
    if (!('str' in item)) continue;
    const y = Number(item.transform[5]);
    const isFar = bottom !== undefined && height > 0 && Math.abs(bottom - y) > height * PARAGRAPH_GAP_MIN;
    if (line === '' && item.str.trim() !== '' && isFar && lines.length > 0) lines.push('');
    line += item.str;
    if (item.str.trim() !== '') {
      bottom = y;
      height = item.height;
    }
    if (!item.hasEOL) continue;
    if (line.trim() !== '') lines.push(line.trimEnd());
    line = '';
  }
  if (line.trim() !== '') lines.push(line.trimEnd());
  // Fonts without a table of their letters give zero characters.
  return lines.join('\n').replaceAll('\0', '');
}

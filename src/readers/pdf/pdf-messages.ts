/** What is asked of the worker that reads PDFs. */
export interface PdfRequest {
  readonly bytes: Uint8Array;
  /** Longest text of all pages, in UTF-16 units. */
  readonly lengthMax: number;
  readonly pagesMax: number;
}

/** What a PDF says. */
export interface PdfText {
  /** The pages' texts, a blank line between two pages. */
  readonly content: string;
  readonly title: string | undefined;
  readonly pageCount: number;
}

/** Why a PDF could not be read. */
export type PdfFault = 'packageMissing' | 'encrypted' | 'tooLarge' | 'broken';

/** The worker's answer. */
export type PdfAnswer =
  | { readonly ok: true; readonly text: PdfText }
  | { readonly ok: false; readonly fault: PdfFault; readonly reason: string };

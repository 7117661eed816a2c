import { parentPort } from 'node:worker_threads';
import type { PdfAnswer, PdfRequest } from './pdf-messages.ts';
import { readPdfText } from './pdf-text.ts';

/*
 * Reads PDFs in a thread of its own: their parser works for seconds without a pause, and some files keep it for ever. Whoever
 * started it ends it.
 */

const port = parentPort;
if (port === null) throw new Error('The PDF worker has to be started as a worker.');

port.on('message', (request: PdfRequest) => {
  void readPdfText(request).then((answer: PdfAnswer) => port.postMessage(answer));
});

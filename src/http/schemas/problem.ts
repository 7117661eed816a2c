import { z } from '@hono/zod-openapi';
import type { ProblemCode } from '../http-error.ts';
import { PROBLEM_KINDS } from '../problem-kinds.ts';

export const problemSchema = z
  .object({
    type: z.string().openapi({ example: 'urn:syncline:problem:dataset-not-found' }),
    title: z.string(),
    status: z.number().int().min(400).max(599),
    code: z
      .enum(Object.keys(PROBLEM_KINDS) as [ProblemCode, ...ProblemCode[]])
      .openapi({ description: 'Stable; programs match on it.' }),
    detail: z.string(),
    instance: z.string().openapi({ description: 'The path of the request.' }),
    requestId: z.string(),
    errors: z
      .array(z.object({ path: z.string(), detail: z.string() }))
      .optional()
      .openapi({ description: 'Parts of the request that are wrong.' }),
    allowed: z
      .array(z.string())
      .optional()
      .openapi({ description: 'What would have been taken in its place.' }),
  })
  .openapi('Problem');

/** Any route can answer so: keys, limits, the size of the request, the state of catalog and runtime. */
const EVERYWHERE: readonly ProblemCode[] = [
  'UNAUTHORIZED',
  'FORBIDDEN',
  'INVALID_REQUEST',
  'REQUEST_TIMEOUT',
  'RATE_LIMITED',
  'RUNTIME_STOPPED',
  'INTERNAL',
];

/** What can keep waiting changes from being indexed within the wait. */
export const INDEXING_PROBLEMS = [
  'DATASET_NOT_FOUND',
  'DATASET_DELETING',
  'LEASE_HELD',
  'CATALOG_READ_ONLY',
  'PROFILE_MISMATCH',
  'PROVIDER_AUTH',
  'PROVIDER_QUOTA',
  'SPEND_CAP_REACHED',
  'DISK_FULL',
  'ABORTED',
] as const satisfies readonly ProblemCode[];

/** The problems that a route can answer, by status, for the OpenAPI document. Typed so that handlers cannot return them: they throw. */
export function problemResponses(...codes: readonly ProblemCode[]) {
  const byStatus = new Map<number, ProblemCode[]>();
  for (const code of new Set([...codes, ...EVERYWHERE])) {
    const { status } = PROBLEM_KINDS[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  const statuses = [...byStatus].toSorted(([one], [other]) => one - other);
  return Object.fromEntries(
    statuses.map(([status, ofStatus]) => [status, problemResponse(status, ofStatus)]),
  );
}

function problemResponse(status: number, codes: readonly ProblemCode[]) {
  const example = (code: ProblemCode) => ({
    type: `urn:syncline:problem:${code.toLowerCase().replaceAll('_', '-')}`,
    title: PROBLEM_KINDS[code].title,
    status,
    code,
    detail: `${PROBLEM_KINDS[code].title}.`,
    instance: '/v1/…',
    requestId: '6f8c1f0e-5a1b-4c55-9f0e-0d7c1f0e5a1b',
  });
  return {
    description: codes.map((code) => `\`${code}\`: ${PROBLEM_KINDS[code].title}`).join('; '),
    content: {
      'application/problem+json': {
        schema: problemSchema,
        examples: Object.fromEntries(codes.map((code) => [code, { value: example(code) }])),
      },
    },
  };
}

import type { MetadataValue } from '../../domain/metadata.ts';
import { exactInteger, type SqlCell } from './cells.ts';

/** Built-in types of PostgreSQL by their numbers, which never change. */
export const POSTGRES_TYPES = {
  bool: 16,
  bytea: 17,
  int8: 20,
  int2: 21,
  int4: 23,
  json: 114,
  float4: 700,
  float8: 701,
  bpchar: 1042,
  date: 1082,
  timestamp: 1114,
  timestamptz: 1184,
  numeric: 1700,
  uuid: 2950,
  jsonb: 3802,
} as const;

const MOMENT = /^(\d{4,}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d+)?)(?:\+00)?$/;

/** A cell out of the text that the server writes with ISO dates in UTC. Lists come as JSON. */
export function postgresCell(text: string | null, typeId: number, isList: boolean): SqlCell {
  if (text === null) return null;
  if (isList) return jsonCell(text);
  switch (typeId) {
    case POSTGRES_TYPES.bool:
      return text === 't';
    case POSTGRES_TYPES.int2:
    case POSTGRES_TYPES.int4:
    case POSTGRES_TYPES.float4:
    case POSTGRES_TYPES.float8:
      return Number(text);
    case POSTGRES_TYPES.int8:
      return exactInteger(BigInt(text));
    case POSTGRES_TYPES.numeric:
      return { decimal: text };
    case POSTGRES_TYPES.json:
    case POSTGRES_TYPES.jsonb:
      return jsonCell(text);
    case POSTGRES_TYPES.timestamp:
      return text.replace(MOMENT, '$1T$2');
    case POSTGRES_TYPES.timestamptz:
      return text.replace(MOMENT, '$1T$2Z');
    case POSTGRES_TYPES.bytea:
      return new Uint8Array(Buffer.from(text.slice('\\x'.length), 'hex'));
    case POSTGRES_TYPES.bpchar:
      // Blanks up to the declared length mean nothing.
      return text.replace(/ +$/, '');
    default:
      return text;
  }
}

function jsonCell(text: string): SqlCell {
  try {
    return { json: JSON.parse(text) as MetadataValue };
  } catch {
    return { fault: 'holds JSON that cannot be read' };
  }
}

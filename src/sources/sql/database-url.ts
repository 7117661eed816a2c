/** What a database is read through. */
export type DatabaseKind = 'file' | 'libsql' | 'postgres';

const SCHEME = /^([a-z][a-z0-9+.-]+):/i;
const KINDS: Readonly<Record<string, DatabaseKind>> = {
  file: 'file',
  libsql: 'libsql',
  http: 'libsql',
  https: 'libsql',
  ws: 'libsql',
  wss: 'libsql',
  postgres: 'postgres',
  postgresql: 'postgres',
};
const SECRET_PARAMETERS = ['authtoken', 'password', 'sslpassword'];

/** What is meant by a URL or path; `undefined` for a scheme that nobody knows. One letter before the colon is a drive. */
export function databaseKind(url: string): DatabaseKind | undefined {
  const scheme = SCHEME.exec(url)?.[1]?.toLowerCase();
  return scheme === undefined ? 'file' : KINDS[scheme];
}

/** Whether a URL holds a password or a token. */
export function holdsSecret(url: string): boolean {
  if (databaseKind(url) === 'file') return false;
  return secretsIn(url).length > 0;
}

/** The secrets in a URL, as they stand there and as they are meant. The whole of one that cannot be read. */
export function secretsIn(url: string): string[] {
  if (databaseKind(url) === 'file') return [];
  if (!URL.canParse(url)) return [url];
  const { password, searchParams } = new URL(url);
  const values = [...searchParams].flatMap(([name, value]) =>
    SECRET_PARAMETERS.includes(name.toLowerCase()) ? [value, encodeURIComponent(value)] : [],
  );
  return [password, decoded(password), ...values].filter((secret) => secret !== '');
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A "%" that escapes nothing: then it is meant as it stands.
    return text;
  }
}

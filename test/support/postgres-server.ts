import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { Client } from 'pg';
import { freePort } from './free-port.ts';
import { makeTempDir } from './temp-dir.ts';

/** A PostgreSQL server of its own, on 127.0.0.1. */
export interface PostgresServer {
  /** Of a new, empty database, as its owner. */
  database(): Promise<PostgresDatabase>;
  stop(): Promise<void>;
}

/** A database of a {@link PostgresServer}. */
export interface PostgresDatabase {
  readonly url: string;
  /** The password in {@link url}. */
  readonly password: string;
  /** Connected as the owner. */
  readonly owner: Client;
  close(): Promise<void>;
}

const PASSWORD = 'p@ss/w:rd?&';
/** Under a busy machine, too: one that ends is noticed at once. */
const START_ATTEMPTS_MAX = 2_000;
const START_PAUSE_MS = 25;
const DEBIAN = '/usr/lib/postgresql';

/** Starts a server; fails where PostgreSQL is not installed. */
export async function startPostgres(): Promise<PostgresServer> {
  const bin = programFolder();
  const dir = makeTempDir();
  const data = dir.join('data');
  const port = await freePort();
  mkdirSync(data);
  chmodSync(dir.path, 0o755);
  chmodSync(data, 0o700);
  if (isRoot()) for (const path of [dir.path, data]) chownSync(path, postgresId('-u'), postgresId('-g'));
  const [initdb = '', ...initArgs] = asOwner(
    join(bin, 'initdb'),
    '-D',
    data,
    '-U',
    'postgres',
    '-A',
    'trust',
    '-N',
    '-E',
    'UTF8',
    '--locale=C.UTF-8',
  );
  execFileSync(initdb, initArgs, { stdio: 'pipe', cwd: '/' });
  // It ends when its standard input does, so also when the tests are killed.
  const script = '"$0" "$@" & pid=$!; cat > /dev/null; kill -QUIT $pid; wait $pid';
  const [command = '', ...args] = asOwner(
    ...(['sh', '-c', script, join(bin, 'postgres'), '-D', data, '-p', String(port), '-k', dir.path] as const),
    ...['-h', '127.0.0.1', '-c', 'fsync=off', '-c', 'shared_buffers=16MB', '-c', 'max_connections=50'],
  );
  const server = spawn(command, args, { stdio: ['pipe', 'ignore', 'ignore'], cwd: '/' });
  const connect = async (database: string): Promise<Client> => {
    const client = new Client({ host: '127.0.0.1', port, user: 'postgres', database });
    client.on('error', () => undefined);
    await client.connect();
    return client;
  };
  const admin = await firstConnection(server, () => connect('postgres'));
  let count = 0;
  return {
    async database() {
      count += 1;
      const name = `shop_${count}`;
      await admin.query(`create database ${name}`);
      const owner = await connect(name);
      const url = `postgres://postgres:${encodeURIComponent(PASSWORD)}@127.0.0.1:${port}/${name}`;
      return { url, password: PASSWORD, owner, close: () => owner.end() };
    },
    async stop() {
      await admin.end().catch(() => undefined);
      const exited = new Promise((resolve) => server.once('exit', resolve));
      server.stdin?.end();
      await exited;
      dir.remove();
    },
  };
}

/** A command as a user that PostgreSQL runs as: it refuses to be root. */
function asOwner(...command: readonly string[]): readonly string[] {
  return isRoot() ? ['runuser', '-u', 'postgres', '--', ...command] : command;
}

function isRoot(): boolean {
  return process.getuid?.() === 0;
}

function postgresId(flag: '-u' | '-g'): number {
  return Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
}

function programFolder(): string {
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN) : [];
  const found = versions
    .map((version) => join(DEBIAN, version, 'bin'))
    .find((bin) => existsSync(join(bin, 'initdb')));
  if (found !== undefined) return found;
  try {
    return execFileSync('pg_config', ['--bindir'], { encoding: 'utf8' }).trim();
  } catch (cause) {
    throw new Error('PostgreSQL is not installed: scripts/setup.sh installs it where it may.', { cause });
  }
}

async function firstConnection(server: ChildProcess, connect: () => Promise<Client>): Promise<Client> {
  for (let attempt = 1; attempt <= START_ATTEMPTS_MAX; attempt += 1) {
    if (server.exitCode !== null) throw new Error(`PostgreSQL ended with exit code ${server.exitCode}.`);
    const client = await connect().catch(() => undefined);
    if (client !== undefined) return client;
    await new Promise((resolve) => setTimeout(resolve, START_PAUSE_MS));
  }
  throw new Error('PostgreSQL did not start in time.');
}

import { describe, expect, test } from 'bun:test';
import { writeFileSync } from 'node:fs';
import { chooseEmbedder } from '../../../src/embedders/choose-embedder.ts';
import { type LoadConfigOptions, loadConfig, type SynclineOptions } from '../../../src/index.ts';
import { resolveOptions } from '../../../src/runtime/options.ts';
import { readSetFlag } from '../../../src/runtime/settings/layers.ts';
import { SETTINGS } from '../../../src/runtime/settings/settings.ts';
import { makeTempDir } from '../../support/temp-dir.ts';
import { rejectionOf } from '../../support/test-runtime.ts';

const KEY = 'a-key-that-is-long-enough';

interface Given {
  readonly file?: object | string;
  readonly environment?: Record<string, string>;
  readonly set?: readonly string[];
}

async function load({ file, environment = {}, set = [] }: Given) {
  using folder = makeTempDir();
  if (typeof file === 'string') writeFileSync(folder.join('syncline.config.ts'), file);
  else if (file !== undefined) writeFileSync(folder.join('syncline.config.json'), JSON.stringify(file));
  const flags: LoadConfigOptions['flags'] = new Map(set.map(readSetFlag));
  const loaded = await loadConfig({ folder: folder.path, environment, flags });
  const entry = (name: string) => loaded.entries.find((candidate) => candidate.name === name);
  return { ...loaded, entry, chosen: () => reasonOf(loaded.options) };
}

function reasonOf(options: SynclineOptions): string {
  const { embedder, environment } = resolveOptions(options);
  return chooseEmbedder(embedder, environment).reason;
}

const refusal = async (given: Given): Promise<string> => String(await rejectionOf(load(given)));

describe('the configuration', () => {
  test('is the defaults when nobody says anything', async () => {
    const { options, http, file, entries } = await load({});
    expect([Object.keys(options), http, file]).toEqual([['environment'], {}, undefined]);
    expect(new Set(entries.map(({ origin }) => origin))).toEqual(new Set(['default']));
  });

  test('is taken from file, environment and flags, of which the later win, and says so', async () => {
    const { options, http, entry } = await load({
      file: { pollIntervalMs: 1_000, leaseTtlMs: 2_000, drainTimeoutMs: 3_000, http: { port: 80 } },
      environment: {
        SYNCLINE_LEASE_TTL_MS: '4000',
        SYNCLINE_DRAIN_TIMEOUT_MS: '5000',
        SYNCLINE_HTTP_PORT: '81',
      },
      set: ['drainTimeoutMs=6000'],
    });
    expect(options).toMatchObject({ pollIntervalMs: 1_000, leaseTtlMs: 4_000, drainTimeoutMs: 6_000 });
    expect(http).toEqual({ port: 81 });
    expect(entry('pollIntervalMs')).toMatchObject({ value: 1_000, origin: 'file' });
    expect(entry('leaseTtlMs')).toMatchObject({ origin: 'environment', where: 'SYNCLINE_LEASE_TTL_MS' });
    expect(entry('drainTimeoutMs')).toMatchObject({ value: 6_000, origin: 'flag', where: '--set' });
    expect(entry('catalogTimeoutMs')).toEqual({
      name: 'catalogTimeoutMs',
      value: 30_000,
      origin: 'default',
      where: null,
    });
  });

  test('may be a TypeScript file that makes its own embedder', async () => {
    const { options, entry } = await load({
      file: `const embedder = { provider: 'own', model: 'm', dimensions: 2, limits: {}, embed: async () => ({}) };
        export default { dataDir: 'elsewhere' as string, embedder, maintenance: { smallFragmentsMax: 7 } };`,
    });
    expect(options).toMatchObject({ dataDir: 'elsewhere', maintenance: { smallFragmentsMax: 7 } });
    expect(options.embedder).toHaveProperty('embed');
    expect(entry('embedder')).toMatchObject({ value: 'own m', origin: 'file' });
  });

  test('has a variable and a --set for every setting of one value, and reads its own default from both', async () => {
    for (const { name, env, setting } of SETTINGS) {
      if (env === undefined || setting.default === undefined || Array.isArray(setting.default)) continue;
      const text = String(setting.default);
      const byVariable = await load({ environment: { [env]: text } });
      const bySet = await load({ set: [`${name}=${text}`] });
      expect([name, byVariable.entry(name)?.value, bySet.entry(name)?.value]).toEqual([
        name,
        setting.default,
        setting.default,
      ]);
    }
  });

  test('names each variable once', () => {
    const variables = SETTINGS.flatMap(({ env, fileEnv }) => [env, fileEnv]).filter(
      (name) => name !== undefined,
    );
    expect(new Set(variables).size).toBe(variables.length);
  });
});

describe('wrong names and values are refused', () => {
  test.each([
    [
      { file: { pollIntervalMS: 1 } },
      /no option in .*json called "pollIntervalMS"; did you mean "pollIntervalMs"\?/,
    ],
    [{ file: { http: { prot: 1 } } }, /called "http.prot"; did you mean "http.port"\?/],
    [{ file: { http: 5 } }, /The option http in .* is no object/],
    [{ file: { access: 'readOnly' } }, /access is for programs/],
    [{ file: { zebra: 1 } }, /called "zebra"; there are batchPollIntervalMs, /],
    [{ file: { http: { port: '80' } } }, /http.port in .*json is "80"; give a whole number from 0 to 65535/],
    [{ file: 'export default 5;' }, /has no configuration; export an object as its default/],
    [{ file: 'export default {' }, /cannot be read: /],
    [
      { environment: { SYNCLINE_HTP_PORT: '1' } },
      /no environment variable "SYNCLINE_HTP_PORT"; did you mean "SYNCLINE_HTTP_PORT"\?/,
    ],
    [
      { environment: { SYNCLINE_POLL_INTERVAL_MS: '1' } },
      /SYNCLINE_POLL_INTERVAL_MS is 1; give a whole number from 100/,
    ],
    [
      { environment: { SYNCLINE_DURABLE_TABLES: 'yes' } },
      /SYNCLINE_DURABLE_TABLES is "yes"; give true or false/,
    ],
    [
      { environment: { SYNCLINE_EMBEDDER: 'lokal' } },
      /SYNCLINE_EMBEDDER is "lokal"; give one of local, openai/,
    ],
    [{ environment: { SYNCLINE_CONFIG: 'none.ts' } }, /none.ts is not there/],
    [{ set: ['polIntervalMs=1'] }, /no setting "polIntervalMs"; did you mean "pollIntervalMs"\?/],
    [{ set: ['access=readOnly'] }, /no setting "access"/],
    [
      { set: [`http.apiKeys=${KEY}`] },
      /http.apiKeys is a secret.* use SYNCLINE_API_KEYS or SYNCLINE_API_KEYS_FILE/,
    ],
    [{ set: ['leaseTtlMs=soon'] }, /--set leaseTtlMs is "soon"/],
  ] as const)('%j', async (given, told) => {
    const message = await refusal(given);
    expect(message).toMatch(/^SynclineError: /);
    expect(message).toMatch(told);
  });

  test('unless Kubernetes made the variable for a service called syncline', async () => {
    const environment = {
      SYNCLINE_SERVICE_HOST: '10.0.0.1',
      SYNCLINE_PORT: 'tcp://10.0.0.1:80',
      SYNCLINE_PORT_80_TCP_ADDR: '10.0.0.1',
    };
    expect((await load({ environment })).http).toEqual({});
  });

  test('as two configuration files are', async () => {
    using folder = makeTempDir();
    for (const name of ['syncline.config.ts', 'syncline.config.json']) writeFileSync(folder.join(name), '{}');
    const refused = await rejectionOf(loadConfig({ folder: folder.path, environment: {} }));
    expect(String(refused)).toContain('syncline.config.ts and syncline.config.json');
  });
});

describe('secrets', () => {
  test('are read from files, several for a list, and never shown', async () => {
    using folder = makeTempDir();
    writeFileSync(folder.join('keys'), `# old and new\n${KEY}-1\n\n${KEY}-2\n`);
    writeFileSync(folder.join('openai'), 'sk-secret\n');
    const loaded = await load({
      file: { catalogAuthToken: 'token-secret' },
      environment: {
        SYNCLINE_API_KEYS_FILE: folder.join('keys'),
        SYNCLINE_EMBEDDING_API_KEY_FILE: folder.join('openai'),
      },
    });
    expect(loaded.http.apiKeys).toEqual([`${KEY}-1`, `${KEY}-2`]);
    expect(loaded.options.environment?.SYNCLINE_EMBEDDING_API_KEY).toBe('sk-secret');
    expect(loaded.options.catalogAuthToken).toBe('token-secret');
    expect(loaded.chosen()).toContain('because SYNCLINE_EMBEDDING_API_KEY is set');
    expect(JSON.stringify(loaded.entries)).not.toMatch(/secret|long-enough/);
    expect(loaded.entry('http.apiKeys')?.value).toEqual(['(hidden)', '(hidden)']);
  });

  test('that cannot be read, are too short, or are given twice are refused without being shown', async () => {
    const short = await refusal({ environment: { SYNCLINE_API_KEYS: 'tooshort' } });
    expect(short).toContain('SYNCLINE_API_KEYS is not what it may be; give keys of 16 to 512');
    expect(short).not.toContain('tooshort');
    expect(await refusal({ environment: { SYNCLINE_READ_KEYS_FILE: '/nowhere' } })).toContain(
      'cannot be read (ENOENT)',
    );
    const twice = { SYNCLINE_API_KEYS: KEY, SYNCLINE_API_KEYS_FILE: '/nowhere' };
    expect(await refusal({ environment: twice })).toContain('are both set');
  });
});

describe('the embedder', () => {
  const ollama = { baseUrl: 'http://127.0.0.1:11434/v1', model: 'nomic', dimensions: 768 };

  test.each([
    [
      'of the file is used',
      { file: { embedder: ollama } },
      /nomic \(768 dimensions\), because the options give "model"/,
    ],
    [
      'local in the environment puts a server in the file aside',
      { file: { embedder: ollama }, environment: { SYNCLINE_EMBEDDER: 'local' } },
      /^local .*SYNCLINE_EMBEDDER is "local"/,
    ],
    [
      'local by flag does so, too',
      { file: { embedder: ollama }, set: ['embedder.provider=local'] },
      /^local /,
    ],
    [
      'a server in the environment puts local in the file aside',
      { file: { embedder: { provider: 'local' } }, environment: { SYNCLINE_EMBEDDING_API_KEY: 'k' } },
      /^openai text-embedding-3-small/,
    ],
    [
      'a model in the environment goes to the server of the file',
      { file: { embedder: ollama }, environment: { SYNCLINE_EMBEDDING_MODEL: 'other' } },
      /^127.0.0.1:11434 other \(768/,
    ],
  ] as const)('%s', async (_, given, reason) => {
    expect((await load(given)).chosen()).toMatch(reason);
  });
});

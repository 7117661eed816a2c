import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import { ACCEPTED, type ChosenFile, filesOfDrop } from '../core/read-files.ts';
import { goTo, path, query } from '../core/router.ts';
import { datasets } from '../core/store.ts';
import { sendFiles, upload } from '../core/upload.ts';
import { Field } from '../ui/controls.tsx';
import { UploadProgress } from './upload-progress.tsx';

const NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/;
const FIRST_ADDRESS = 'my/files';

/** Takes files in: the way of a newcomer to a first search. */
export function AddPage(): JSX.Element {
  useEffect(() => {
    document.title = 'Add files · Syncline';
  }, []);
  const present = upload.value;
  const isFirst = datasets.value.size === 0;
  return (
    <div class="narrow">
      <h1>{isFirst && present === undefined ? 'Make your files searchable' : 'Add files'}</h1>
      {isFirst && present === undefined && (
        <p class="lead">
          Syncline cuts documents into chunks, embeds them, and keeps a table of vectors in line with them.
          Drop some files to see it at work.
        </p>
      )}
      {present !== undefined && <UploadProgress upload={present} />}
      {present?.state !== 'sending' && <Chooser />}
    </div>
  );
}

function Chooser(): JSX.Element {
  const address = useSignal(query.value.get('to') ?? upload.peek()?.address ?? FIRST_ADDRESS);
  const isOver = useSignal(false);
  const [project = '', dataset = '', more] = address.value.split('/');
  const isGood = more === undefined && NAME.test(project) && NAME.test(dataset);
  const take = (files: readonly ChosenFile[]): void => {
    if (files.length === 0 || !isGood) return;
    void sendFiles(address.peek(), files);
    if (path.peek()[0] !== 'add') goTo(['add']);
  };
  return (
    <div class="chooser">
      <Field label="Into the dataset (project/name); a new one is made">
        <input
          list="datasets"
          value={address.value}
          aria-invalid={!isGood}
          onInput={({ currentTarget }) => {
            address.value = currentTarget.value.trim();
          }}
        />
      </Field>
      <datalist id="datasets">
        {[...datasets.value.keys()].slice(0, 100).map((each) => (
          <option key={each} value={each} />
        ))}
      </datalist>
      {!isGood && (
        <p class="problem">
          Give a project and a name with a slash between them: letters, digits, ".", "_" and "-".
        </p>
      )}
      <label
        class={isOver.value ? 'drop over' : 'drop'}
        onDragOver={(event) => {
          event.preventDefault();
          isOver.value = true;
        }}
        onDragLeave={() => {
          isOver.value = false;
        }}
        onDrop={(event) => {
          event.preventDefault();
          isOver.value = false;
          if (event.dataTransfer !== null) void filesOfDrop(event.dataTransfer.items).then(take);
        }}
      >
        <b>Drop files or folders here</b>
        <span class="muted">Markdown, text, HTML, JSON Lines</span>
        <span class="button primary">Choose files</span>
        <input
          class="hidden"
          type="file"
          multiple
          accept={ACCEPTED}
          disabled={!isGood}
          onChange={({ currentTarget }) => {
            take([...(currentTarget.files ?? [])].map((file) => ({ path: file.name, file })));
            currentTarget.value = '';
          }}
        />
      </label>
      <p class="muted">
        From the command line, also PDFs and source code:{' '}
        <code>syncline add FOLDER --dataset {address.value}</code>. From your program:{' '}
        <code>POST v1/datasets/{address.value}/documents</code>, see <a href="docs">docs</a>.
      </p>
    </div>
  );
}

import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { openQuestion } from '../core/actions.ts';
import { dismissToast, toasts } from '../core/toasts.ts';

/** The question before what costs money or deletes. */
export function QuestionDialog(): JSX.Element | null {
  const dialog = useRef<HTMLDialogElement>(null);
  const question = openQuestion.value;
  useEffect(() => {
    if (question !== undefined) dialog.current?.showModal();
  }, [question]);
  if (question === undefined) return null;
  const { title, text, action, isDanger, answer } = question;
  return (
    <dialog ref={dialog} aria-labelledby="question-title" onClose={() => answer(false)}>
      <h2 id="question-title">{title}</h2>
      <p>{text}</p>
      <div class="actions">
        <button type="button" class="button" onClick={() => answer(false)}>
          Cancel
        </button>
        <button
          type="button"
          class={`button ${isDanger ? 'danger' : 'primary'}`}
          onClick={() => answer(true)}
        >
          {action}
        </button>
      </div>
    </dialog>
  );
}

/** What is said in passing. */
export function Toasts(): JSX.Element {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.value.map(({ id, kind, text }) => (
        <div key={id} class={`toast ${kind}`}>
          <span>{text}</span>
          <button type="button" class="button quiet" aria-label="Dismiss" onClick={() => dismissToast(id)}>
            ✕
          </button>
        </div>
      ))}
    </div>
  );
}

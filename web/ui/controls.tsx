import type { Signal } from '@preact/signals';
import type { ComponentChildren, JSX } from 'preact';
import { useState } from 'preact/hooks';
import { canWrite } from '../core/store.ts';

interface ButtonProps {
  readonly children: ComponentChildren;
  /** While what it returns is not settled, the button waits. */
  readonly onPress: () => unknown;
  readonly kind?: 'plain' | 'primary' | 'danger' | 'quiet';
  readonly disabled?: boolean;
  /** Where its text does not say what it is about. */
  readonly label?: string;
}

/** A button that cannot be pressed twice while it works. */
export function Button({ children, onPress, kind = 'plain', disabled, label }: ButtonProps): JSX.Element {
  const [isBusy, setBusy] = useState(false);
  const press = async (): Promise<void> => {
    setBusy(true);
    try {
      await onPress();
    } finally {
      setBusy(false);
    }
  };
  return (
    <button
      type="button"
      class={`button ${kind}`}
      disabled={disabled || isBusy}
      aria-busy={isBusy}
      aria-label={label}
      onClick={() => void press()}
    >
      {children}
    </button>
  );
}

/** What is there only for those who may change something. */
export function WriteOnly({ children }: { readonly children: ComponentChildren }): ComponentChildren {
  return canWrite.value ? children : null;
}

/** A named field of a form. */
export function Field({
  label,
  children,
}: {
  readonly label: string;
  readonly children: ComponentChildren;
}): JSX.Element {
  return (
    // biome-ignore lint/a11y/noLabelWithoutControl: the control is what it is given
    <label class="field">
      <span>{label}</span>
      {children}
    </label>
  );
}

/** A field for a number that is not negative, as text: empty where there is none. */
export function NumberField({
  label,
  value,
}: {
  readonly label: string;
  readonly value: Signal<string>;
}): JSX.Element {
  return (
    <Field label={label}>
      <input
        type="number"
        min="0"
        step="any"
        value={value.value}
        onInput={({ currentTarget }) => {
          value.value = currentTarget.value;
        }}
      />
    </Field>
  );
}

/** A choice of a few. */
export function Choice<Value extends string>({
  label,
  value,
  options,
  onChange,
}: {
  readonly label: string;
  readonly value: Value;
  readonly options: Readonly<Record<Value, string>>;
  readonly onChange: (value: Value) => void;
}): JSX.Element {
  return (
    <select
      aria-label={label}
      value={value}
      onChange={({ currentTarget }) => onChange(currentTarget.value as Value)}
    >
      {Object.entries<string>(options).map(([each, text]) => (
        <option key={each} value={each}>
          {text}
        </option>
      ))}
    </select>
  );
}

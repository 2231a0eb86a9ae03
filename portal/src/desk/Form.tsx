// SPDX-License-Identifier: Apache-2.0
import { type ReactNode, useState } from "react";
import type { ApiError } from "../api.ts";
import { Dialog } from "../shell/Dialog.tsx";
import { useWords } from "../words/index.tsx";
import { Refused } from "./Loaded.tsx";

/** Text of one field, trimmed; "" when it is empty or not there. */
export const read = (form: FormData, name: string): string => {
  const value = form.get(name);
  return typeof value === "string" ? value.trim() : "";
};
export const orNull = (text: string): string | null => (text === "" ? null : text);

/** A short form in a dialog: what it is for, its fields, one button. */
export const FormDialog = ({
  title,
  note,
  button,
  pending,
  error,
  onSend,
  onClose,
  children,
}: {
  title: string;
  note?: ReactNode;
  button: string;
  pending: boolean;
  error: ApiError | null;
  onSend: (form: FormData) => void;
  onClose: () => void;
  children?: ReactNode;
}) => {
  const { t } = useWords();
  // Why the last one was refused, before this was opened, says nothing of this.
  const [sent, setSent] = useState(false);
  return (
    <Dialog label={title} onClose={onClose}>
      <form
        className="dialog-body form"
        onSubmit={(event) => {
          event.preventDefault();
          setSent(true);
          onSend(new FormData(event.currentTarget));
        }}
      >
        <h2>{title}</h2>
        {note === undefined ? undefined : <p className="muted">{note}</p>}
        {children}
        <Refused error={sent && !pending ? error : null} />
        <div className="buttons">
          <button type="button" className="button" onClick={onClose}>
            {t.desk.word.cancel}
          </button>
          <button type="submit" className="button primary" disabled={pending}>
            {button}
          </button>
        </div>
      </form>
    </Dialog>
  );
};

export const Choice = ({
  label,
  name,
  options,
  value,
  onChange,
}: {
  label: string;
  name: string;
  options: readonly (readonly [string, string])[];
  value?: string;
  onChange?: (value: string) => void;
}) => (
  <label className="field">
    <span>{label}</span>
    <select
      name={name}
      {...(onChange === undefined
        ? { defaultValue: value ?? options[0]?.[0] }
        : { value: value ?? "", onChange: (event) => onChange(event.target.value) })}
    >
      {options.map(([option, text]) => (
        <option key={option} value={option}>
          {text}
        </option>
      ))}
    </select>
  </label>
);

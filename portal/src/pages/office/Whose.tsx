// SPDX-License-Identifier: Apache-2.0
import { useMutation } from "@tanstack/react-query";
import type { Owner } from "../../../../src/api/contract/desk/organisations.ts";
import { type ApiError, address, fetchJson } from "../../api.ts";
import { read } from "../../desk/Form.tsx";
import { Refused } from "../../desk/Loaded.tsx";
import { Panel } from "../../design/parts.tsx";
import { useWords } from "../../words/index.tsx";
import { Field } from "../session/fields.tsx";

/** Who held an address, at any time. */
export const Whose = () => {
  const { t, f } = useWords();
  const words = t.office.constituency;
  const asked = useMutation<Owner, ApiError, FormData>({
    mutationFn: (form) => {
      const time = read(form, "time");
      return fetchJson(
        address("desk/constituency/owner", {
          address: read(form, "address"),
          time: time === "" ? undefined : `${time}:00Z`,
        }),
        new AbortController().signal,
      );
    },
  });
  const found = asked.data;
  const time = found === undefined ? "" : f.time(new Date(found.time));
  return (
    <Panel title={words.whose} note={words.whoseNote}>
      <form
        className="inline-form"
        onSubmit={(event) => {
          event.preventDefault();
          asked.mutate(new FormData(event.currentTarget));
        }}
      >
        <Field label={words.address} name="address" required minLength={2} maxLength={45} spellCheck={false} />
        <Field label={words.at} name="time" type="datetime-local" />
        <button type="submit" className="button primary" disabled={asked.isPending}>
          {words.ask}
        </button>
      </form>
      <Refused error={asked.error} />
      {found === undefined ? undefined : (
        <p className="lede" role="status">
          {found.owner === null
            ? words.nobody({ time, network: found.network ?? (found.asn === null ? t.word.unknown : `AS${found.asn}`) })
            : words.ownedBy({ name: found.owner.organisation.name, network: found.owner.network, time })}
        </p>
      )}
    </Panel>
  );
};

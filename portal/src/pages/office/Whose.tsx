// SPDX-License-Identifier: Apache-2.0
import { useQuery } from "@tanstack/react-query";
import { Refused } from "../../desk/Loaded.tsx";
import { read } from "../../desk/Form.tsx";
import { deskAsk } from "../../desk/client.ts";
import { Panel } from "../../design/parts.tsx";
import { useWords } from "../../words/index.tsx";
import { Field } from "../session/fields.tsx";

/** Who held an address, at any time: both stand in the page's address. */
export const Whose = ({
  address,
  at,
  onAsk,
}: {
  address: string | undefined;
  /** Minutes, UTC: `2026-05-03T12:00`. */
  at: string | undefined;
  onAsk: (wanted: { address: string; at: string | undefined }) => void;
}) => {
  const { t, f } = useWords();
  const words = t.office.constituency;
  const time = at === undefined ? undefined : `${at}:00Z`;
  const asked = useQuery({
    ...deskAsk("owner", "constituency/owner", {
      address: address ?? "",
      ...(time === undefined ? {} : { time }),
    }),
    enabled: address !== undefined,
  });
  // The answer before is about another address.
  const found = address === undefined || asked.isPlaceholderData ? undefined : asked.data;
  const then = found === undefined ? "" : f.time(new Date(found.time));
  return (
    <Panel title={words.whose} note={words.whoseNote}>
      <form
        // What is asked by the page's address stands in the fields.
        key={`${address} ${at}`}
        className="inline-form"
        onSubmit={(event) => {
          event.preventDefault();
          const form = new FormData(event.currentTarget);
          onAsk({ address: read(form, "address"), at: read(form, "time") || undefined });
        }}
      >
        <Field
          label={words.address}
          name="address"
          defaultValue={address}
          required
          minLength={2}
          maxLength={45}
          spellCheck={false}
        />
        <Field label={words.at} name="time" type="datetime-local" defaultValue={at} />
        <button type="submit" className="button primary" disabled={asked.isFetching}>
          {words.ask}
        </button>
      </form>
      <Refused error={asked.error} />
      {found === undefined ? undefined : (
        <p className="lede" role="status">
          {found.owner === null
            ? words.nobody({
                time: then,
                network: found.network ?? (found.asn === null ? t.word.unknown : `AS${found.asn}`),
              })
            : words.ownedBy({ name: found.owner.organisation.name, network: found.owner.network, time: then })}
        </p>
      )}
    </Panel>
  );
};

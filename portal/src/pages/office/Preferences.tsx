// SPDX-License-Identifier: Apache-2.0
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useState } from "react";
import type { Preferences as Chosen, PreferencesAnswer, Preview } from "../../../../src/api/contract/desk/notices.ts";
import { Choice } from "../../desk/Form.tsx";
import { Loaded, Refused } from "../../desk/Loaded.tsx";
import { deskAsk, useSend } from "../../desk/client.ts";
import { alertKinds, severities } from "../../desk/search.ts";
import { Head, Panel, Segments } from "../../design/parts.tsx";
import { Icon } from "../../shell/icons.tsx";
import { useWords } from "../../words/index.tsx";
import { languages } from "../../words/languages.ts";
import { Field } from "../session/fields.tsx";
import { RenderedLetter } from "./RenderedLetter.tsx";
import "./letter.css";

const route = getRouteApi("/preferences/$organisation");
const hows = ["immediate", "digest", "inbox", "never"] as const;
const everies = ["day", "weekdays", "week"] as const;

/** How one organisation is told, and what a letter looks like before the first is sent. */
export const Preferences = () => {
  const { t } = useWords();
  const words = t.office.preferences;
  const { organisation: id } = route.useParams();
  const path = `organisations/${encodeURIComponent(id)}/preferences`;
  const asked = useQuery({ ...deskAsk("preferences", path), refetchOnWindowFocus: false });
  // The form begins anew with what was saved; that it was is still said.
  const saved = useSend("preferences/set");
  const lede =
    asked.data === undefined
      ? undefined
      : `${words.lede(asked.data.organisation.name)} ${asked.data.standard ? words.standard : ""}`;
  return (
    <>
      <Head title={words.title} lede={asked.isError && lede === undefined ? t.state.errorTitle : lede} />
      <div className="grid">
        <div className="w6">
          <Loaded<PreferencesAnswer & { asked?: string }> asked={asked} lines={14}>
            {(answer) => <Form key={JSON.stringify(answer.preferences)} answer={answer} path={path} saved={saved} />}
          </Loaded>
        </div>
        <div className="w6">
          <PreviewPanel id={id} />
        </div>
      </div>
    </>
  );
};

const Form = ({
  answer,
  path,
  saved,
}: {
  answer: PreferencesAnswer;
  path: string;
  saved: ReturnType<typeof useSend<"preferences/set">>;
}) => {
  const { t, f } = useWords();
  const words = t.office.preferences;
  const [now, setNow] = useState<Chosen>(answer.preferences);
  const set = (next: Partial<Chosen>) => setNow({ ...now, ...next });
  const rule = (place: number, next: Partial<Chosen["rules"][number]>) =>
    set({ rules: now.rules.map((one, i) => (i === place ? { ...one, ...next } : one)) });
  const hour = (value: string): number => Math.min(23, Math.max(0, Math.round(Number(value)) || 0));
  const hours = (value: string): number => Math.min(8760, Math.max(0, Math.round(Number(value)) || 0));
  return (
    <form
      className="form preferences"
      onSubmit={(event) => {
        event.preventDefault();
        saved.mutate({ path, body: now });
      }}
    >
      <Panel>
        <div className="numbers">
          <Choice
            label={words.language}
            name="language"
            value={now.language}
            options={Object.entries(languages)}
            onChange={(language) => set({ language })}
          />
          <Field
            label={words.timeZone}
            name="zone"
            required
            maxLength={64}
            list="zones"
            value={now.timeZone}
            onChange={(event) => set({ timeZone: event.target.value })}
          />
          <datalist id="zones">
            {Intl.supportedValuesOf("timeZone")
              .filter((zone) => zone.startsWith("Asia/"))
              .map((zone) => (
                <option key={zone} value={zone}>
                  {zone}
                </option>
              ))}
          </datalist>
        </div>
      </Panel>
      <Panel title={words.rules} note={words.rulesNote}>
        <ul className="rules">
          {now.rules.map((one, place) => (
            // Lines have no names: their place is what they are.
            // oxlint-disable-next-line react/no-array-index-key
            <li key={place}>
              <select
                aria-label={t.desk.word.kind}
                value={one.kind ?? ""}
                onChange={(event) =>
                  rule(place, { kind: alertKinds.find((kind) => kind === event.target.value) ?? null })
                }
              >
                <option value="">{words.anyKind}</option>
                {alertKinds.map((kind) => (
                  <option key={kind} value={kind}>
                    {t.desk.kinds[kind]}
                  </option>
                ))}
              </select>
              <span className="muted">{words.from}</span>
              <select
                aria-label={t.desk.word.severity}
                value={one.severity}
                onChange={(event) =>
                  rule(place, { severity: severities.find((name) => name === event.target.value) ?? "low" })
                }
              >
                {severities.map((severity) => (
                  <option key={severity} value={severity}>
                    {t.desk.severities[severity]}
                  </option>
                ))}
              </select>
              <select
                aria-label={words.rules}
                value={one.how}
                onChange={(event) =>
                  rule(place, { how: hows.find((how) => how === event.target.value) ?? "immediate" })
                }
              >
                {hows.map((how) => (
                  <option key={how} value={how}>
                    {words.hows[how]}
                  </option>
                ))}
              </select>
              <button
                type="button"
                className="button icon-button quiet"
                aria-label={t.desk.word.remove}
                onClick={() => set({ rules: now.rules.filter((_, i) => i !== place) })}
              >
                <Icon name="close" />
              </button>
            </li>
          ))}
        </ul>
        <button
          type="button"
          className="button"
          disabled={now.rules.length >= 50}
          onClick={() => set({ rules: [...now.rules, { kind: null, severity: "low", how: "digest" }] })}
        >
          {words.addRule}
        </button>
      </Panel>
      <Panel title={words.digest}>
        <div className="row">
          <Segments
            label={words.digest}
            value={now.digest.every}
            options={everies.map((one) => [one, words.every[one]] as const)}
            onChange={(every) => set({ digest: { ...now.digest, every } })}
          />
          <label className="row small">
            {words.at}
            <input
              type="number"
              min={0}
              max={23}
              value={now.digest.hour}
              onChange={(event) => set({ digest: { ...now.digest, hour: hour(event.target.value) } })}
            />
          </label>
        </div>
        {answer.nextDigest === null ? undefined : (
          <p className="small muted">{words.next(f.time(new Date(answer.nextDigest)))}</p>
        )}
      </Panel>
      <Panel title={words.quiet} note={words.quietNote}>
        <div className="row">
          <label>
            <input
              type="checkbox"
              checked={now.quiet !== null}
              onChange={(event) => set({ quiet: event.target.checked ? { from: 22, to: 6 } : null })}
            />{" "}
            {words.quiet}
          </label>
          {now.quiet === null ? (
            <span className="faint">{words.noQuiet}</span>
          ) : (
            <>
              {(["from", "to"] as const).map((end) => (
                <input
                  key={end}
                  type="number"
                  min={0}
                  max={23}
                  aria-label={`${words.quiet}: ${end === "from" ? t.word.since : t.sensors.until}`}
                  value={now.quiet?.[end] ?? 0}
                  onChange={(event) =>
                    set({ quiet: { ...(now.quiet ?? { from: 22, to: 6 }), [end]: hour(event.target.value) } })
                  }
                />
              ))}
            </>
          )}
        </div>
        <Field
          label={words.holidays}
          name="holidays"
          pattern="[A-Z]{2}"
          maxLength={2}
          value={now.holidays ?? ""}
          onChange={(event) => set({ holidays: event.target.value === "" ? null : event.target.value.toUpperCase() })}
        />
      </Panel>
      <Panel>
        <div className="numbers">
          <Field
            label={words.threshold}
            name="threshold"
            type="number"
            min={0}
            max={8760}
            value={now.threshold}
            onChange={(event) => set({ threshold: hours(event.target.value) })}
          />
          <Field
            label={words.relapse}
            name="relapse"
            type="number"
            min={0}
            max={8760}
            value={now.relapse}
            onChange={(event) => set({ relapse: hours(event.target.value) })}
          />
        </div>
        <p className="row">
          <span className="muted">{words.attach}</span>
          {(["csv", "xarf"] as const).map((one) => (
            <label key={one}>
              <input
                type="checkbox"
                checked={now.attach[one]}
                onChange={(event) => set({ attach: { ...now.attach, [one]: event.target.checked } })}
              />{" "}
              {one.toUpperCase()}
            </label>
          ))}
          <label>
            <input type="checkbox" checked={now.encrypt} onChange={(event) => set({ encrypt: event.target.checked })} />{" "}
            {words.encrypt}
          </label>
        </p>
      </Panel>
      <Refused error={saved.error} />
      <p className="row">
        <button type="submit" className="button primary" disabled={saved.isPending}>
          {words.save}
        </button>
        {saved.isSuccess && now === answer.preferences ? <span role="status">{words.saved}</span> : undefined}
      </p>
    </form>
  );
};

const PreviewPanel = ({ id }: { id: string }) => {
  const { t, language: spoken } = useWords();
  const words = t.office.preferences;
  const [language, setLanguage] = useState<string>(spoken);
  const path = `organisations/${encodeURIComponent(id)}/preview`;
  const asked = useQuery(deskAsk("preview", path, { language }));
  const sent = useSend("preview/send");
  return (
    <Panel
      title={words.preview}
      note={words.previewNote}
      actions={
        <span className="row no-print">
          <select
            aria-label={words.language}
            className="date"
            value={language}
            onChange={(event) => setLanguage(event.target.value)}
          >
            {Object.entries(languages).map(([code, name]) => (
              <option key={code} value={code} lang={code}>
                {name}
              </option>
            ))}
          </select>
          <button
            type="button"
            className="button"
            disabled={sent.isPending}
            onClick={() => sent.mutate({ path, body: { language } })}
          >
            {words.send}
          </button>
        </span>
      }
    >
      {sent.isSuccess ? <p role="status">{words.sentToYou}</p> : undefined}
      <Refused error={sent.error} />
      <Loaded<Preview & { asked?: string }> asked={asked} lines={12}>
        {(answer) => (
          <>
            {answer.invented ? <p className="notice-line">{words.invented}</p> : undefined}
            <RenderedLetter letter={answer.rendered} />
          </>
        )}
      </Loaded>
    </Panel>
  );
};

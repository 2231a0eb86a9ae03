// SPDX-License-Identifier: Apache-2.0
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import type { AnswerKind } from "../../../../src/api/contract/desk/cases.ts";
import type { Help as HelpAnswer } from "../../../../src/api/contract/desk/help.ts";
import { ApiError, address } from "../../api.ts";
import { Loaded, Refused } from "../../desk/Loaded.tsx";
import { Samples } from "../../desk/Samples.tsx";
import { SilenceText } from "../../desk/SilenceText.tsx";
import { deskSend } from "../../desk/client.ts";
import { Copy, Panel } from "../../design/parts.tsx";
import { useWords } from "../../words/index.tsx";
import { useSecret } from "../session/secret.ts";
import { answerKinds, isVictim, toldBy, victimAnswers } from "./CaseTimeline.tsx";
import "./case.css";
import "./help.css";

/** An answer to the bearer of a link; @throws ApiError. */
const linkFetch = async (token: string, path: string, signal?: AbortSignal): Promise<Response> => {
  let response: Response;
  try {
    response = await fetch(path, {
      ...(signal === undefined ? {} : { signal }),
      headers: { accept: "application/json, text/csv", authorization: `Link ${token}` },
      credentials: "omit",
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError("UNREACHABLE", 0, error instanceof Error ? error.message : String(error));
  }
  if (response.ok) return response;
  const problem = (await response.json().catch(() => ({}))) as { code?: string; detail?: string };
  throw new ApiError(problem.code ?? `HTTP_${response.status}`, response.status, problem.detail ?? response.statusText);
};
const fetchHelp = async (token: string, language: string, signal: AbortSignal): Promise<HelpAnswer> =>
  (await linkFetch(token, address("desk/help", { language }), signal)).json() as Promise<HelpAnswer>;
const downloadEvidence = async (token: string, number: number): Promise<void> => {
  const response = await linkFetch(token, address("desk/help/evidence.csv"));
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await response.blob());
  link.download = `LAYANG-${number}.csv`;
  link.click();
  // The browser fetches what the address stands for after the click.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
};

/** `/help#TOKEN`: an owner sees the evidence, what to do, and answers. No account, one decision. */
export const Help = () => {
  const { t, language } = useWords();
  const words = t.desk.help;
  const token = useSecret(true);
  const asked = useQuery<HelpAnswer, ApiError>({
    queryKey: ["help", token, language],
    queryFn: ({ signal }) => fetchHelp(token, language, signal),
    enabled: token !== "",
    refetchInterval: 60_000,
    // In another language it is the same page: what was typed stays. Another link is another case.
    placeholderData: (before, of) => (of?.queryKey[1] === token ? before : undefined),
  });
  useEffect(() => {
    document.title = asked.data === undefined ? "Layang" : `${words.title(String(asked.data.case))} · Layang`;
  }, [asked.data, words]);
  // A link that was withdrawn, or ran out, while its page was open shows nothing any more.
  const dead = token === "" || [401, 403, 404, 410].includes(asked.error?.status ?? 0);
  return dead ? (
    <div className="help state">
      <h1>{words.invalid}</h1>
      <p>{token === "" ? words.noToken : words.invalidHint}</p>
    </div>
  ) : (
    <div className="help">
      <Loaded<HelpAnswer> asked={asked} lines={10}>
        {(answer) => <Page key={token} answer={answer} token={token} />}
      </Loaded>
    </div>
  );
};

const Page = ({ answer, token }: { answer: HelpAnswer; token: string }) => {
  const { t, f } = useWords();
  const words = t.desk.help;
  const victim = isVictim(answer.kind);
  const said = victim ? { ...words, ...words.victim } : words;
  const first = answer.subjects[0];
  const verdict = words.verdicts[answer.kind as keyof typeof words.verdicts] ?? words.verdicts.other;
  const subject = `${first?.subject ?? "?"}${answer.subjects.length > 1 ? t.desk.cases.and(f.count(answer.subjects.length - 1)) : ""}`;
  const packets = answer.subjects.reduce((sum, one) => sum + one.packets, 0);
  const dark = Math.max(0, ...answer.subjects.map((one) => one.darkAddresses));
  const from = answer.subjects.map((one) => one.first).toSorted()[0] ?? answer.asked;
  const to =
    answer.subjects
      .map((one) => one.last)
      .toSorted()
      .at(-1) ?? answer.asked;
  const numbers = {
    packets: f.count(packets),
    p: packets,
    dark: f.count(dark),
    d: dark,
    sensors: f.count(answer.sensors),
    n: answer.sensors,
    from: f.time(new Date(from)),
    to: f.time(new Date(to)),
  };
  const csv = useMutation<void, ApiError>({ mutationFn: () => downloadEvidence(token, answer.case) });
  return (
    <>
      {answer.exercise === "" ? undefined : (
        <div className="exercise" role="note">
          <strong>{t.desk.exercise.frame(answer.exercise)}</strong> <span>{t.desk.exercise.text}</span>
        </div>
      )}
      {answer.simulated ? (
        <div className="simulated" role="note">
          <strong>{t.shell.simulated}</strong> <span>{t.shell.simulatedText}</span>
        </div>
      ) : undefined}
      <p className="over">
        <span>{words.title(String(answer.case))}</span>
        <span>{words.to(answer.organisation)}</span>
        <span className="end no-print">
          <button type="button" className="button quiet" onClick={() => print()}>
            {words.print}
          </button>
        </span>
      </p>
      <h1 className="lede">{verdict(subject, answer.family === null ? "" : words.ofFamily(answer.family))}</h1>
      <p>{victim ? words.howVictim(numbers) : words.how(numbers)}</p>
      {answer.precision === null ? undefined : <p className="muted">{words.precision(f.share(answer.precision))}</p>}
      <section aria-label={words.steps}>
        <h2>{words.steps}</h2>
        <ol className="steps-list">
          {answer.steps.map((step) => (
            <li key={step}>{step}</li>
          ))}
        </ol>
      </section>
      <section aria-label={said.answer}>
        <h2>{said.answer}</h2>
        <AnswerForm answer={answer} token={token} />
      </section>
      <section aria-label={said.evidence}>
        <h2>{said.evidence}</h2>
        <p className="muted">{answer.translation === "cgnat" && !victim ? words.cgnat : said.evidenceNote}</p>
        {answer.subjects.map((one) => (
          <Panel key={one.alert}>
            <p>
              <strong className="subject-name">
                <Copy text={one.subject} />
              </strong>{" "}
              <span className="muted">
                {f.count(one.packets)} {t.explore.measures.packets} · {t.word.ports}{" "}
                <span className="mono">{one.ports.slice(0, 8).join(" ")}</span>
              </span>
            </p>
            {one.attributable || victim ? undefined : <p className="notice-line warn">{words.cannotTell}</p>}
            <Packets of={one} />
            {one.silence === null ? undefined : (
              <SilenceText silence={one.silence} simulated={answer.simulated} victim={victim} />
            )}
          </Panel>
        ))}
        <p className="no-print">
          <button type="button" className="button" disabled={csv.isPending} onClick={() => csv.mutate()}>
            {words.download}
          </button>
        </p>
        <Refused error={csv.error} />
      </section>
      <section className="paper">
        <p>{words.expires(f.time(new Date(answer.expires)))}</p>
        <p>
          {words.sentBy(answer.from)}.{" "}
          {answer.contact.mail === null && answer.contact.phone === null
            ? ""
            : words.contact([answer.contact.mail, answer.contact.phone].filter((one) => one !== null).join(", "))}
        </p>
      </section>
    </>
  );
};

/** The packets of the letter, as the letter has them; what was seen since stands apart. */
const Packets = ({ of: one }: { of: HelpAnswer["subjects"][number] }) => {
  const { t, f } = useWords();
  const words = t.desk.help;
  const newer = one.samples.filter((sample) => sample.newer);
  const told = one.samples.filter((sample) => !sample.newer);
  return (
    <>
      {one.told === null ? undefined : (
        <p className="muted">
          {(told.length === 0 ? words.inLetterBare : words.inLetter)({
            at: f.time(new Date(one.told.at)),
            packets: f.count(one.told.packets),
            p: one.told.packets,
            last: f.time(new Date(one.told.last)),
          })}
        </p>
      )}
      {told.length === 0 ? undefined : <Samples rows={told} local />}
      {newer.length === 0 ? undefined : (
        <>
          {one.told === null ? undefined : <h3>{words.newer}</h3>}
          <Samples rows={newer} local />
        </>
      )}
    </>
  );
};

/** What stands beside an answer; each is offered with words of its own. */
const optionOf = (words: Readonly<Partial<Record<AnswerKind, string>>>, answer: AnswerKind): string =>
  words[answer] ?? "";

const AnswerForm = ({ answer, token }: { answer: HelpAnswer; token: string }) => {
  const { t, f, language } = useWords();
  const victim = isVictim(answer.kind);
  const help = t.desk.help;
  const words = victim
    ? {
        ...help,
        ...help.victim,
        options: { ...help.options, ...help.victim.options },
        hints: { ...help.hints, ...help.victim.hints },
        next: { ...help.next, ...help.victim.next },
      }
    : help;
  const offered: readonly AnswerKind[] = victim ? victimAnswers : answerKinds;
  const client = useQueryClient();
  const last = answer.answers.at(-1);
  const [again, setAgain] = useState(false);
  const [kind, setKind] = useState<AnswerKind>();
  const [which, setWhich] = useState<ReadonlySet<string>>(() => new Set(answer.subjects.map(({ alert }) => alert)));
  const sent = useMutation<HelpAnswer, ApiError, FormData>({
    mutationFn: (form) => {
      const channel = toldBy.find((name) => name === form.get("channel"));
      const text = form.get("text");
      return deskSend(
        "help/answer",
        "help/answer",
        {
          answer: kind ?? "working",
          ...(kind === "subscriber-notified" && channel !== undefined ? { channel } : {}),
          ...(typeof text === "string" && text.trim() !== "" ? { text: text.trim() } : {}),
          ...(answer.subjects.length > 1 && which.size < answer.subjects.length ? { alerts: [...which] } : {}),
        },
        token,
      );
    },
    // A question that is on its way was asked before the answer: what it brings would take the thanks away again.
    onMutate: () => client.cancelQueries({ queryKey: ["help", token] }),
    onSuccess: async (now) => {
      await client.cancelQueries({ queryKey: ["help", token] });
      await client.invalidateQueries({ queryKey: ["help", token], refetchType: "none" });
      // The answer to a change is in the owner's own language: the steps stay in that of the page.
      client.setQueryData(["help", token, language], { ...now, steps: answer.steps });
      setAgain(false);
    },
  });
  const history =
    answer.answers.length === 0 ? undefined : (
      <ul className="small-list">
        {answer.answers.map((one) => (
          <li key={one.at}>
            <strong>{t.desk.answers[one.answer]}</strong>
            {one.channel === null ? "" : ` (${t.desk.channels[one.channel]})`}
            <span className="muted">{f.time(new Date(one.at))}</span>
            {one.text === null ? undefined : <span>{one.text}</span>}
          </li>
        ))}
      </ul>
    );
  if (last !== undefined && !again) {
    return (
      <>
        <div className="thanks" role="status">
          <h2>{words.thanks}</h2>
          <p>{words.next[answer.state]}</p>
        </div>
        {history}
        <p className="no-print">
          <button type="button" className="button quiet" onClick={() => setAgain(true)}>
            {words.change}
          </button>
        </p>
      </>
    );
  }
  return (
    <form
      className="answer"
      onSubmit={(event) => {
        event.preventDefault();
        sent.mutate(new FormData(event.currentTarget));
      }}
    >
      <p className="muted">{words.answerNote}</p>
      <fieldset className="options">
        <legend className="hidden">{words.answer}</legend>
        {offered.map((one) => (
          <label key={one}>
            <input
              type="radio"
              name="answer"
              value={one}
              required
              checked={kind === one}
              onChange={() => setKind(one)}
            />
            <span>{optionOf(words.options, one)}</span>
            <small>{optionOf(words.hints, one)}</small>
          </label>
        ))}
      </fieldset>
      {kind === "subscriber-notified" ? (
        <label className="field">
          <span>{t.desk.cases.toldBy}</span>
          <select name="channel">
            {toldBy.map((channel) => (
              <option key={channel} value={channel}>
                {t.desk.channels[channel]}
              </option>
            ))}
          </select>
        </label>
      ) : undefined}
      {answer.subjects.length > 1 ? (
        <fieldset className="which">
          <legend>{words.which}</legend>
          {answer.subjects.map(({ alert, subject }) => (
            <label key={alert} className="mono">
              <input
                type="checkbox"
                checked={which.has(alert)}
                onChange={() => {
                  const next = new Set(which);
                  if (!next.delete(alert)) next.add(alert);
                  setWhich(next);
                }}
              />{" "}
              {subject}
            </label>
          ))}
        </fieldset>
      ) : undefined}
      <label className="field">
        <span>{words.text}</span>
        <textarea name="text" maxLength={2000} />
      </label>
      <Refused error={sent.error} />
      <button
        type="submit"
        className="button primary no-print"
        disabled={sent.isPending || kind === undefined || which.size === 0}
      >
        {sent.isPending ? words.sending : words.send}
      </button>
      {history === undefined ? undefined : (
        <>
          <h3>{words.before}</h3>
          {history}
        </>
      )}
    </form>
  );
};

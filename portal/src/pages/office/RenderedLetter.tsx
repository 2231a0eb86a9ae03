// SPDX-License-Identifier: Apache-2.0
import type { Rendered } from "../../../../src/api/contract/desk/notices.ts";
import { Pairs } from "../../desk/parts.tsx";
import { useWords } from "../../words/index.tsx";
import "./letter.css";

/** A letter as its recipient gets it: text, never HTML; attachments can be unfolded. */
export const RenderedLetter = ({ letter }: { letter: Rendered }) => {
  const { t, f } = useWords();
  const words = t.office.notices;
  return (
    <div className="letter">
      <Pairs
        pairs={[
          [
            words.from,
            <span key="f" className="mono small">
              {letter.from}
            </span>,
          ],
          [
            words.to,
            <span key="t" className="mono small">
              {letter.to}
            </span>,
          ],
          [words.subject, letter.subject],
        ]}
      />
      <p className="row">
        {letter.signed ? <span className="chip good">{words.signed}</span> : undefined}
        {letter.encrypted ? <span className="chip good">{words.encrypted}</span> : undefined}
      </p>
      {letter.local ? <p className="notice-line warn">{words.localLetter}</p> : undefined}
      {/* What scrolls must be reachable by keyboard. */}
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
      <pre lang={letter.language} tabIndex={0}>
        {letter.text}
      </pre>
      {letter.attachments.map((one) => (
        <details key={one.name} className="table">
          <summary>
            {one.name} ({f.bytes(one.bytes)})
          </summary>
          {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
          <pre tabIndex={0}>{one.text ?? "–"}</pre>
        </details>
      ))}
    </div>
  );
};

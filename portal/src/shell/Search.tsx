// SPDX-License-Identifier: Apache-2.0
import { useQuery } from "@tanstack/react-query";
import { type NavigateOptions, useNavigate } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";
import type { Search } from "../../../src/api/contract/answers.ts";
import { ask } from "../api.ts";
import { deskAsk } from "../desk/client.ts";
import { knowsDesk, useSession } from "../desk/session.ts";
import { useWords } from "../words/index.tsx";
import { Dialog } from "./Dialog.tsx";
import { useExercise, useExerciseBeside } from "./exercise.ts";
import { Icon } from "./icons.tsx";
import { type Hit, type Known, type Seen, inOrder, typedAs } from "./meant.ts";

/** The page that shows what the desk knows. */
const deskPlaceOf = (hit: Known): NavigateOptions => {
  if (hit.kind === "case") return { to: "/cases/$case", params: { case: String(hit.case ?? "") } } as NavigateOptions;
  if (hit.kind === "organisation" || hit.kind === "network")
    return { to: "/constituency/$organisation", params: { organisation: hit.organisation ?? "" } } as NavigateOptions;
  if (hit.kind === "campaign")
    return { to: "/campaigns/$campaign", params: { campaign: hit.id ?? "" } } as NavigateOptions;
  return {
    to: "/alerts",
    search: { ...(hit.id === null ? {} : { open: hit.id }), q: hit.label, state: "all" },
  } as NavigateOptions;
};
/** The page that shows a hit. A prefix has none of its own: its busiest network does, or else the board with its alerts. */
const placeOf = (
  hit: Pick<Seen, "kind" | "label" | "ip" | "asn" | "protocol" | "port" | "country" | "sensor">,
): NavigateOptions => {
  if (hit.kind === "source") return { to: "/sources/$ip", params: { ip: hit.ip ?? hit.label } } as NavigateOptions;
  if (hit.kind === "port" && hit.protocol !== null && hit.port !== null) {
    return {
      to: "/ports/$protocol/$port",
      params: { protocol: hit.protocol, port: String(hit.port) },
    } as NavigateOptions;
  }
  if (hit.kind === "prefix" && hit.asn === null)
    return { to: "/alerts", search: { q: hit.label, state: "all" } } as NavigateOptions;
  const search: Record<string, string> =
    hit.asn !== null
      ? { asn: String(hit.asn) }
      : hit.kind === "country"
        ? { country: hit.country ?? hit.label }
        : hit.sensor !== null
          ? { sensor: hit.sensor }
          : {};
  return { to: "/explore", search: { ...search, last: "7d" } } as NavigateOptions;
};

export const SearchDialog = ({ onClose }: { onClose: () => void }) => {
  const { t, f } = useWords();
  const navigate = useNavigate();
  const [text, setText] = useState("");
  const [asked, setAsked] = useState("");
  /** Null: nobody has chosen yet. */
  const [at, setAt] = useState<number | null>(null);
  useEffect(() => {
    const timer = setTimeout(() => setAsked(text.trim()), 120);
    return () => clearTimeout(timer);
  }, [text]);
  const found = useQuery({ ...ask<Search>("search", { q: asked, limit: 12 }), enabled: asked !== "" });
  const { session } = useSession();
  const inside = knowsDesk(session);
  const [shown, beside] = [useExercise(), useExerciseBeside()];
  // Who is in an exercise looks for what is in it.
  const exercise = shown === "" ? beside : shown;
  const known = useQuery({
    ...deskAsk("desk/search", "search", exercise === "" ? { q: asked } : { q: asked, exercise }),
    enabled: asked !== "" && inside,
  });
  const typed = text.trim();
  const [seen, ofDesk]: [readonly Seen[], Known[]] =
    asked === "" ? [[], []] : [found.data?.rows ?? [], [...(known.data?.rows ?? [])]];
  // Five of a kind are shown; the board has all of them.
  if (/^(?:address|prefix)$/.test(typedAs(asked).kind) && ofDesk.filter(({ kind }) => kind === "alert").length >= 5)
    ofDesk.push({ kind: "alert", label: asked, detail: t.desk.allAlerts, case: null, organisation: null, id: null });
  // What was typed last is not what the list answers yet.
  const settled = typed === asked && !found.isFetching && !(inside && known.isFetching);
  // While it is on its way, the list shows the answer to the text before: in it nothing is what was typed.
  const answered = typed === asked && !found.isPlaceholderData && !(inside && known.isPlaceholderData);
  const { hits, exact } = inOrder(typed, seen, ofDesk, answered);
  const chosen = hits.length === 0 ? -1 : Math.min(at ?? (settled || exact > 0 ? 0 : -1), hits.length - 1);
  const entered = useRef(false);
  const go = (hit: Hit | undefined): void => {
    if (hit === undefined) return;
    onClose();
    void navigate(hit.desk === undefined ? placeOf(hit) : deskPlaceOf(hit.desk));
  };
  // Enter was faster than the answer: it means what the answer shows first.
  useEffect(() => {
    if (!entered.current || !settled) return;
    entered.current = false;
    go(hits[chosen]);
  });
  return (
    <Dialog label={t.shell.searchShort} onClose={onClose}>
      <div className="search-box">
        <Icon name="search" />
        <input
          role="combobox"
          aria-label={t.shell.search}
          aria-expanded={hits.length > 0}
          aria-controls="hits"
          aria-activedescendant={chosen >= 0 ? `hit-${chosen}` : undefined}
          placeholder={t.shell.search}
          autoComplete="off"
          spellCheck={false}
          value={text}
          onChange={(event) => {
            setText(event.target.value);
            setAt(null);
            entered.current = false;
          }}
          onKeyDown={(event) => {
            // Enter and arrows that choose a word of an input method are not ours.
            if (event.nativeEvent.isComposing) return;
            if (event.key === "ArrowDown") setAt(Math.min(hits.length - 1, chosen + 1));
            else if (event.key === "ArrowUp") setAt(Math.max(0, chosen - 1));
            else if (event.key === "Enter" && chosen < 0) entered.current = !settled;
            else if (event.key === "Enter") go(hits[chosen]);
            else return;
            event.preventDefault();
          }}
        />
        <kbd>Esc</kbd>
      </div>
      {hits.length === 0 ? (
        <p className="search-note" role="status">
          {asked === "" || found.isFetching
            ? t.shell.searchHint
            : found.isError
              ? `${t.state.errorTitle} (${found.error.code})`
              : t.shell.searchNone(asked)}
        </p>
      ) : undefined}
      <ul className="hits" id="hits" role="listbox" aria-label={t.shell.searchShort} hidden={hits.length === 0}>
        {hits.map((hit, place) => (
          // The keyboard works on the field: the list follows its active descendant.
          // oxlint-disable-next-line jsx-a11y/click-events-have-key-events
          <li
            key={
              hit.desk === undefined
                ? `${hit.kind} ${hit.label}`
                : `desk ${hit.desk.kind} ${hit.desk.id ?? hit.desk.label}`
            }
            id={`hit-${place}`}
            role="option"
            aria-selected={place === chosen}
            tabIndex={-1}
            onClick={() => go(hit)}
            onPointerMove={() => setAt(place)}
          >
            <span className="kind">
              {hit.desk === undefined ? t.shell.kinds[hit.kind] : t.desk.search[hit.desk.kind]}
            </span>
            <span className="what">
              <span className="mono">
                {hit.desk === undefined ? (hit.kind === "country" ? f.country(hit.label) : hit.label) : hit.desk.label}
              </span>{" "}
              <span className="muted">{hit.desk === undefined ? hit.detail : hit.desk.detail}</span>
            </span>
            {hit.desk === undefined && hit.packets > 0 ? (
              <span className="faint nowrap">{`${f.short(hit.packets)} ${t.explore.measures.packets}`}</span>
            ) : undefined}
          </li>
        ))}
      </ul>
    </Dialog>
  );
};

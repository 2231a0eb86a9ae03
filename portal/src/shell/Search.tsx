// SPDX-License-Identifier: Apache-2.0
import { useQuery } from "@tanstack/react-query";
import { type NavigateOptions, useNavigate } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import type { Search } from "../../../src/api/contract/answers.ts";
import { ask } from "../api.ts";
import { useWords } from "../words/index.tsx";
import { Dialog } from "./Dialog.tsx";
import { Icon } from "./icons.tsx";

type Hit = Search["rows"][number];
const address = /^(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-f:]*:[0-9a-f:.]*)$/i;

/** The page that shows a hit. A prefix has none of its own: its busiest network does. */
const placeOf = (
  hit: Pick<Hit, "kind" | "label" | "ip" | "asn" | "protocol" | "port" | "country" | "sensor">,
): NavigateOptions => {
  if (hit.kind === "source") return { to: "/sources/$ip", params: { ip: hit.ip ?? hit.label } } as NavigateOptions;
  if (hit.kind === "port" && hit.protocol !== null && hit.port !== null) {
    return {
      to: "/ports/$protocol/$port",
      params: { protocol: hit.protocol, port: String(hit.port) },
    } as NavigateOptions;
  }
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
  const [at, setAt] = useState(0);
  useEffect(() => {
    const timer = setTimeout(() => setAsked(text.trim()), 120);
    return () => clearTimeout(timer);
  }, [text]);
  const found = useQuery({ ...ask<Search>("search", { q: asked, limit: 12 }), enabled: asked !== "" });
  const rows: readonly Hit[] = asked === "" ? [] : (found.data?.rows ?? []);
  // An address can be opened whether or not it was seen: "not seen" is an answer too.
  const direct = text.trim();
  const hits: readonly Hit[] =
    address.test(direct) && !rows.some((hit) => hit.kind === "source" && hit.label === direct)
      ? [
          {
            kind: "source",
            label: direct,
            detail: null,
            packets: 0,
            sources: 0,
            ip: direct,
            asn: null,
            protocol: null,
            port: null,
            country: null,
            sensor: null,
          },
          ...rows,
        ]
      : rows;
  const chosen = Math.min(at, Math.max(0, hits.length - 1));
  const go = (hit: Hit | undefined): void => {
    if (hit === undefined) return;
    onClose();
    void navigate(placeOf(hit));
  };
  return (
    <Dialog label={t.shell.searchShort} onClose={onClose}>
      <div className="search-box">
        <Icon name="search" />
        <input
          role="combobox"
          aria-label={t.shell.search}
          aria-expanded={hits.length > 0}
          aria-controls="hits"
          aria-activedescendant={hits.length > 0 ? `hit-${chosen}` : undefined}
          placeholder={t.shell.search}
          autoComplete="off"
          spellCheck={false}
          value={text}
          onChange={(event) => {
            setText(event.target.value);
            setAt(0);
          }}
          onKeyDown={(event) => {
            if (event.key === "ArrowDown") setAt(Math.min(hits.length - 1, chosen + 1));
            else if (event.key === "ArrowUp") setAt(Math.max(0, chosen - 1));
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
            key={`${hit.kind} ${hit.label}`}
            id={`hit-${place}`}
            role="option"
            aria-selected={place === chosen}
            tabIndex={-1}
            onClick={() => go(hit)}
            onPointerMove={() => setAt(place)}
          >
            <span className="kind">{t.shell.kinds[hit.kind]}</span>
            <span className="what">
              <span className="mono">{hit.kind === "country" ? f.country(hit.label) : hit.label}</span>{" "}
              <span className="muted">{hit.detail}</span>
            </span>
            {hit.packets > 0 ? (
              <span className="faint nowrap">{`${f.short(hit.packets)} ${t.explore.measures.packets}`}</span>
            ) : undefined}
          </li>
        ))}
      </ul>
    </Dialog>
  );
};

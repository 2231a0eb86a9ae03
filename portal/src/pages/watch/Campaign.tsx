// SPDX-License-Identifier: Apache-2.0
import { useQuery } from "@tanstack/react-query";
import { Link, getRouteApi } from "@tanstack/react-router";
import type { Campaign as CampaignAnswer } from "../../../../src/api/contract/desk/campaigns.ts";
import { DateChart } from "../../chart/DateChart.tsx";
import { Loaded } from "../../desk/Loaded.tsx";
import { deskAsk } from "../../desk/client.ts";
import { DeskDownload, OwnerName, Pairs } from "../../desk/parts.tsx";
import { CountryLink, PortLink } from "../../design/names.tsx";
import { Copy, Empty, Head, Panel, When } from "../../design/parts.tsx";
import { Table } from "../../design/Table.tsx";
import { useWords } from "../../words/index.tsx";
import { Economies } from "./Economies.tsx";

const route = getRouteApi("/campaigns/$campaign");
const tones = { seen: "", predicted: "accent", came: "good", missed: "warn", due: "accent" } as const;

export const Campaign = () => {
  const { t, f } = useWords();
  const words = t.watch.campaigns;
  const { campaign: id } = route.useParams();
  const asked = useQuery(deskAsk("campaign", `campaigns/${encodeURIComponent(id)}`, {}, 60_000));
  const one = asked.data?.campaign;
  const kind = one === undefined ? "" : `${words.kinds[one.kind]}${one.family === null ? "" : ` (${one.family})`}`;
  const lede =
    one === undefined
      ? undefined
      : one.sources === null || one.countries === null
        ? kind
        : words.one.lede({
            kind,
            sources: f.count(one.sources),
            n: one.sources,
            countries: f.count(one.countries),
            c: one.countries,
            since: f.day(new Date(one.first)),
          });
  return (
    <>
      <Head title={one?.name ?? words.title} lede={asked.isError && lede === undefined ? t.state.errorTitle : lede} />
      <Loaded<CampaignAnswer> asked={asked} height={420}>
        {(answer) => <Whole answer={answer} />}
      </Loaded>
    </>
  );
};

const Whole = ({ answer }: { answer: CampaignAnswer }) => {
  const { t, f } = useWords();
  const words = t.watch.campaigns.one;
  const { campaign: one } = answer;
  // What follows from counts is told to analysts; others are told what it is and since when.
  const counted =
    one.sources === null ? undefined : (
      <div className="w8 stack">
        <Panel
          title={words.days}
          foot={<DeskDownload path={`campaigns/${encodeURIComponent(one.id)}`} name={`campaign-${one.id}`} />}
        >
          {answer.days.length === 0 ? (
            <Empty title={t.state.emptyTitle} />
          ) : (
            <DateChart
              rows={answer.days.map(({ date, sources }) => ({ date, group: "", value: sources }))}
              nameOf={() => t.word.sources}
              label={words.days}
              unit={t.word.sources}
            />
          )}
        </Panel>
        <Panel title={words.countries}>
          {answer.countries.length === 0 ? (
            <Empty title={words.noCountries} />
          ) : (
            <Economies label={words.countries} rows={answer.countries} rest={words.rest} />
          )}
        </Panel>
        <Panel title={words.reached} note={words.reachedNote}>
          <Table
            label={words.reached}
            rows={answer.reached}
            keyOf={({ country }) => country}
            columns={[
              {
                key: "country",
                head: t.word.country,
                rowHead: true,
                cell: ({ country }) => f.country(country),
              },
              {
                key: "sources",
                head: t.word.sources,
                num: true,
                cell: ({ sources }) => (sources === null ? "–" : f.count(sources)),
              },
              {
                key: "first",
                head: `${t.word.first} (UTC)`,
                cell: ({ first }) => (first === null ? "–" : <When at={first} alone />),
              },
              {
                key: "outcome",
                head: words.outcome,
                cell: ({ outcome }) => <span className={`chip ${tones[outcome]}`}>{words.outcomes[outcome]}</span>,
              },
            ]}
          />
        </Panel>
        <Panel title={words.predictions}>
          {answer.predictions.length === 0 ? (
            <Empty title={words.noPredictions} />
          ) : (
            <Table
              label={words.predictions}
              rows={answer.predictions}
              keyOf={({ country, made }) => `${country} ${made}`}
              columns={[
                {
                  key: "country",
                  head: t.word.country,
                  rowHead: true,
                  cell: ({ country }) => <CountryLink code={country} />,
                },
                {
                  key: "made",
                  head: `${t.watch.warnings.one.made} (UTC)`,
                  cell: ({ made }) => <When at={made} alone />,
                },
                { key: "due", head: `${words.by} (UTC)`, cell: ({ due }) => <When at={due} alone /> },
                { key: "chance", head: words.chance, num: true, cell: ({ chance }) => f.share(chance) },
                {
                  key: "outcome",
                  head: words.outcome,
                  cell: ({ outcome, at }) => (
                    <>
                      <span className={`chip ${tones[outcome]}`}>{words.outcomes[outcome]}</span>{" "}
                      {at === null ? undefined : <When at={at} alone />}
                    </>
                  ),
                },
              ]}
            />
          )}
        </Panel>
        <Panel title={words.owners}>
          {answer.owners.length === 0 ? (
            <Empty title={t.desk.word.none} />
          ) : (
            <Table
              label={words.owners}
              rows={answer.owners}
              keyOf={({ organisation }) => organisation.id}
              columns={[
                {
                  key: "name",
                  head: t.desk.word.organisation,
                  rowHead: true,
                  cell: ({ organisation }) => <OwnerName organisation={organisation} />,
                },
                { key: "alerts", head: words.alerts, num: true, cell: ({ alerts }) => f.count(alerts) },
                { key: "open", head: words.open, num: true, cell: ({ open }) => f.count(open) },
                { key: "quiet", head: words.quiet, num: true, cell: ({ quiet }) => f.count(quiet) },
              ]}
            />
          )}
        </Panel>
      </div>
    );
  return (
    <div className="grid">
      {counted}
      <div className={counted === undefined ? "w8 stack" : "w4 stack"}>
        <Panel title={t.desk.cases.facts}>
          <Pairs
            pairs={[
              [t.word.signature, one.signature === null ? "–" : <Copy key="s" text={one.signature} />],
              [t.word.mark, one.marks.join(", ") || "–"],
              [
                t.word.ports,
                one.ports.length === 0 ? (
                  words.manyPorts
                ) : (
                  <span key="p" className="row">
                    {one.ports.map((port) => (
                      <PortLink key={`${port.protocol}${port.port}`} {...port} service={false} />
                    ))}
                  </span>
                ),
              ],
              [t.word.packets, one.packets === null ? "–" : f.count(one.packets)],
              [t.word.sensors, one.sensors === null ? "–" : f.count(one.sensors)],
              [t.word.first, <When key="f" at={one.first} />],
              [t.word.last, <When key="l" at={one.last} />],
            ]}
          />
          {one.signature === null || counted === undefined ? undefined : (
            <p className="after">
              <Link
                to="/explore"
                search={{ signature: one.signature, last: "7d", group: "country" }}
                className="button"
              >
                {t.action.explore}
              </Link>
            </p>
          )}
        </Panel>
      </div>
    </div>
  );
};

// SPDX-License-Identifier: Apache-2.0
import { Link, getRouteApi } from "@tanstack/react-router";
import type { CampaignRow, Campaigns as CampaignsAnswer } from "../../../../src/api/contract/desk/campaigns.ts";
import { Rows } from "../../desk/Rows.tsx";
import { Ago, Days } from "../../desk/parts.tsx";
import { campaignKinds, campaignOrders, campaignStates } from "../../desk/search.ts";
import { useRows } from "../../desk/useRows.ts";
import { Head, Panel, Segments } from "../../design/parts.tsx";
import { patched } from "../../search.ts";
import { useExercise } from "../../shell/exercise.ts";
import { useWords } from "../../words/index.tsx";

const route = getRouteApi("/campaigns");
export const Campaigns = () => {
  const { t, f } = useWords();
  const words = t.watch.campaigns;
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const exercise = useExercise();
  const list = useRows<CampaignsAnswer>("campaigns", {
    kind: search.kind,
    state: search.state,
    order: search.order,
    exercise: exercise === "" ? undefined : exercise,
    limit: 50,
  });
  const facts = list.said?.facts as CampaignsAnswer["facts"] | undefined;
  const lede =
    facts === undefined
      ? undefined
      : [
          facts.active === 0
            ? words.quiet
            : facts.ours === null
              ? words.active({ active: f.count(facts.active), n: facts.active, botnets: f.count(facts.botnets) })
              : words.lede({
                  active: f.count(facts.active),
                  n: facts.active,
                  botnets: f.count(facts.botnets),
                  ours: f.count(facts.ours),
                  o: facts.ours,
                }),
          facts.score.value === null
            ? ""
            : words.score({ share: f.share(facts.score.value), n: f.count(facts.score.n) }),
        ].join(" ");
  return (
    <>
      <Head
        title={words.title}
        lede={list.asked.isError && lede === undefined ? t.state.errorTitle : lede}
        actions={
          <>
            <Segments
              label={t.word.state}
              value={search.state ?? "all"}
              options={[["all", t.desk.word.all], ...campaignStates.map((one) => [one, words.states[one]] as const)]}
              onChange={(next) =>
                void navigate({ search: patched(search, { state: next === "all" ? undefined : next }), replace: true })
              }
            />
            <Segments
              label={t.desk.word.kind}
              value={search.kind ?? "all"}
              options={[["all", t.desk.word.all], ...campaignKinds.map((one) => [one, words.kinds[one]] as const)]}
              onChange={(next) =>
                void navigate({ search: patched(search, { kind: next === "all" ? undefined : next }), replace: true })
              }
            />
            {facts?.ours === null ? undefined : (
              <Segments
                label={t.desk.alerts.order}
                value={search.order ?? "last"}
                options={campaignOrders.map((one) => [one, words.orders[one]] as const)}
                onChange={(next) =>
                  void navigate({
                    search: patched(search, { order: next === "last" ? undefined : next }),
                    replace: true,
                  })
                }
              />
            )}
          </>
        }
      />
      <Panel>
        <Rows<CampaignRow>
          list={list}
          label={words.title}
          keyOf={({ id }) => id}
          empty={words.emptyTitle}
          hint={words.emptyHint}
          columns={[
            {
              key: "name",
              head: t.desk.word.name,
              rowHead: true,
              className: "called",
              cell: ({ id, name }) => (
                <Link to="/campaigns/$campaign" params={{ campaign: id }}>
                  {name}
                </Link>
              ),
            },
            { key: "kind", head: t.desk.word.kind, cell: ({ kind }) => words.kinds[kind] },
            {
              key: "signature",
              head: words.signature,
              className: "sig",
              // Two campaigns of one name differ in this alone.
              cell: ({ signature }) => (signature === null ? "–" : <span className="mono small">{signature}</span>),
            },
            {
              key: "state",
              head: t.word.state,
              cell: ({ state }) => (
                <span className={`chip ${state === "active" ? "accent" : "faint-chip"}`}>{words.states[state]}</span>
              ),
            },
            { key: "spark", head: words.daily, cell: ({ spark }) => <Days values={spark} /> },
            {
              key: "sources",
              head: t.word.sources,
              num: true,
              cell: ({ sources }) => (sources === null ? "–" : f.short(sources)),
            },
            {
              key: "countries",
              head: t.networks.countries,
              num: true,
              cell: ({ countries }) => (countries === null ? "–" : f.count(countries)),
            },
            { key: "ours", head: words.ours, num: true, cell: ({ ours }) => (ours === null ? "–" : f.count(ours)) },
            {
              key: "predictions",
              head: words.predictions,
              num: true,
              cell: ({ predicted, came }) => (predicted === 0 ? "–" : words.came(f.count(came), f.count(predicted))),
            },
            { key: "last", head: t.desk.word.age, cell: ({ last }) => <Ago at={last} /> },
          ]}
        />
      </Panel>
    </>
  );
};

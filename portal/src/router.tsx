// SPDX-License-Identifier: Apache-2.0
import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  retainSearchParams,
} from "@tanstack/react-router";
import * as desk from "./desk/search.ts";
import * as search from "./search.ts";
import { Broken, Missing } from "./shell/Broken.tsx";
import { Root } from "./shell/Root.tsx";

const root = createRootRoute({
  component: Root,
  notFoundComponent: Missing,
  validateSearch: desk.plainSearch,
  // Whoever is in an exercise stays in it, whatever link is followed; the banner's link leads out, by saying so.
  search: { middlewares: [retainSearchParams(["exercise"])] },
});
const getParentRoute = () => root;
const now = createRoute({
  getParentRoute,
  path: "/",
  validateSearch: search.nowSearch,
  component: lazyRouteComponent(() => import("./pages/Now.tsx"), "Now"),
});
const ports = createRoute({
  getParentRoute,
  path: "/ports",
  validateSearch: search.portsSearch,
  component: lazyRouteComponent(() => import("./pages/Ports.tsx"), "Ports"),
});
const port = createRoute({
  getParentRoute,
  path: "/ports/$protocol/$port",
  validateSearch: search.portsSearch,
  component: lazyRouteComponent(() => import("./pages/Port.tsx"), "Port"),
});
const networks = createRoute({
  getParentRoute,
  path: "/networks",
  validateSearch: search.networksSearch,
  component: lazyRouteComponent(() => import("./pages/Networks.tsx"), "Networks"),
});
const source = createRoute({
  getParentRoute,
  path: "/sources/$ip",
  validateSearch: search.whenSearch,
  component: lazyRouteComponent(() => import("./pages/Source.tsx"), "Source"),
});
const sensors = createRoute({
  getParentRoute,
  path: "/sensors",
  validateSearch: search.sensorsSearch,
  component: lazyRouteComponent(() => import("./pages/Sensors.tsx"), "Sensors"),
});
const explore = createRoute({
  getParentRoute,
  path: "/explore",
  validateSearch: search.exploreSearch,
  component: lazyRouteComponent(() => import("./pages/Explore.tsx"), "Explore"),
});
const reports = createRoute({
  getParentRoute,
  path: "/reports",
  validateSearch: search.reportsSearch,
  component: lazyRouteComponent(() => import("./pages/Reports.tsx"), "Reports"),
});
const ring = createRoute({
  getParentRoute,
  path: "/ring",
  validateSearch: desk.ringSearch,
  component: lazyRouteComponent(() => import("./ring/Ring.tsx"), "Ring"),
});
const alerts = createRoute({
  getParentRoute,
  path: "/alerts",
  validateSearch: desk.alertsSearch,
  component: lazyRouteComponent(() => import("./pages/desk/Alerts.tsx"), "Alerts"),
});
const cases = createRoute({
  getParentRoute,
  path: "/cases",
  validateSearch: desk.casesSearch,
  component: lazyRouteComponent(() => import("./pages/desk/Cases.tsx"), "Cases"),
});
const oneCase = createRoute({
  getParentRoute,
  path: "/cases/$case",
  validateSearch: desk.plainSearch,
  component: lazyRouteComponent(() => import("./pages/desk/Case.tsx"), "Case"),
});
const warnings = createRoute({
  getParentRoute,
  path: "/warnings",
  validateSearch: desk.warningsSearch,
  component: lazyRouteComponent(() => import("./pages/watch/Warnings.tsx"), "Warnings"),
});
const warning = createRoute({
  getParentRoute,
  path: "/warnings/$warning",
  validateSearch: desk.plainSearch,
  component: lazyRouteComponent(() => import("./pages/watch/Warning.tsx"), "Warning"),
});
const campaigns = createRoute({
  getParentRoute,
  path: "/campaigns",
  validateSearch: desk.campaignsSearch,
  component: lazyRouteComponent(() => import("./pages/watch/Campaigns.tsx"), "Campaigns"),
});
const campaign = createRoute({
  getParentRoute,
  path: "/campaigns/$campaign",
  validateSearch: desk.plainSearch,
  component: lazyRouteComponent(() => import("./pages/watch/Campaign.tsx"), "Campaign"),
});
const statistics = createRoute({
  getParentRoute,
  path: "/statistics",
  validateSearch: desk.statisticsSearch,
  component: lazyRouteComponent(() => import("./pages/watch/Statistics.tsx"), "Statistics"),
});
const detectors = createRoute({
  getParentRoute,
  path: "/detectors",
  component: lazyRouteComponent(() => import("./pages/watch/Detectors.tsx"), "Detectors"),
});
const mine = createRoute({
  getParentRoute,
  path: "/mine",
  validateSearch: desk.mineSearch,
  component: lazyRouteComponent(() => import("./pages/office/Mine.tsx"), "Mine"),
});
const inbox = createRoute({
  getParentRoute,
  path: "/inbox",
  validateSearch: desk.plainSearch,
  component: lazyRouteComponent(() => import("./pages/office/Inbox.tsx"), "Inbox"),
});
const constituency = createRoute({
  getParentRoute,
  path: "/constituency",
  validateSearch: desk.constituencySearch,
  component: lazyRouteComponent(() => import("./pages/office/Constituency.tsx"), "Constituency"),
});
const organisation = createRoute({
  getParentRoute,
  path: "/constituency/$organisation",
  validateSearch: desk.plainSearch,
  component: lazyRouteComponent(() => import("./pages/office/Organisation.tsx"), "Organisation"),
});
const importer = createRoute({
  getParentRoute,
  path: "/import",
  component: lazyRouteComponent(() => import("./pages/office/Import.tsx"), "Import"),
});
const unclaimed = createRoute({
  getParentRoute,
  path: "/unclaimed",
  validateSearch: desk.plainSearch,
  component: lazyRouteComponent(() => import("./pages/office/Unclaimed.tsx"), "Unclaimed"),
});
const notices = createRoute({
  getParentRoute,
  path: "/notices",
  validateSearch: desk.noticesSearch,
  component: lazyRouteComponent(() => import("./pages/office/Notices.tsx"), "Notices"),
});
const preferences = createRoute({
  getParentRoute,
  path: "/preferences/$organisation",
  component: lazyRouteComponent(() => import("./pages/office/Preferences.tsx"), "Preferences"),
});
const people = createRoute({
  getParentRoute,
  path: "/people",
  validateSearch: desk.peopleSearch,
  component: lazyRouteComponent(() => import("./pages/office/People.tsx"), "People"),
});
const audit = createRoute({
  getParentRoute,
  path: "/audit",
  validateSearch: desk.auditSearch,
  component: lazyRouteComponent(() => import("./pages/office/Audit.tsx"), "Audit"),
});
const account = createRoute({
  getParentRoute,
  path: "/account",
  component: lazyRouteComponent(() => import("./pages/session/Account.tsx"), "Account"),
});
const help = createRoute({
  getParentRoute,
  path: "/help",
  component: lazyRouteComponent(() => import("./pages/desk/Help.tsx"), "Help"),
});
const first = createRoute({
  getParentRoute,
  path: "/first",
  component: lazyRouteComponent(() => import("./pages/session/First.tsx"), "First"),
});
const invitation = createRoute({
  getParentRoute,
  path: "/invitation",
  component: lazyRouteComponent(() => import("./pages/session/Invitation.tsx"), "Invitation"),
});
const contactCheck = createRoute({
  getParentRoute,
  path: "/contact-check",
  component: lazyRouteComponent(() => import("./pages/session/ContactCheck.tsx"), "ContactCheck"),
});

export const router = createRouter({
  routeTree: root.addChildren([
    now,
    ports,
    port,
    networks,
    source,
    sensors,
    explore,
    reports,
    ring,
    alerts,
    cases,
    oneCase,
    warnings,
    warning,
    campaigns,
    campaign,
    statistics,
    detectors,
    mine,
    inbox,
    constituency,
    organisation,
    importer,
    unclaimed,
    notices,
    preferences,
    people,
    audit,
    account,
    help,
    first,
    invitation,
    contactCheck,
  ]),
  parseSearch: search.parseSearch,
  stringifySearch: search.stringifySearch,
  defaultPreload: "intent",
  defaultErrorComponent: Broken,
  // Another case, port or address is another page: what was typed, unfolded or answered on the one is not the other's.
  defaultRemountDeps: ({ params }) => params,
  scrollRestoration: true,
});
declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}

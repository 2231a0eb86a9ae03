// SPDX-License-Identifier: Apache-2.0
import { createRootRoute, createRoute, createRouter, lazyRouteComponent } from "@tanstack/react-router";
import * as desk from "./desk/search.ts";
import * as search from "./search.ts";
import { Broken, Missing } from "./shell/Broken.tsx";
import { Root } from "./shell/Root.tsx";

const root = createRootRoute({ component: Root, notFoundComponent: Missing });
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
  validateSearch: search.portSearch,
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
    help,
    first,
    invitation,
    contactCheck,
  ]),
  parseSearch: search.parseSearch,
  stringifySearch: search.stringifySearch,
  defaultPreload: "intent",
  defaultErrorComponent: Broken,
  scrollRestoration: true,
});
declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}

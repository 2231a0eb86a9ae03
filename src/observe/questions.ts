// SPDX-License-Identifier: Apache-2.0
import type { QuestionName } from "../api/contract/index.ts";
import { miraiHosts, miraiPorts } from "./mirai.ts";
import { news } from "./news.ts";
import { countries, networks } from "./origins.ts";
import { onePort } from "./port.ts";
import { portsBySensor, portsTop } from "./ports.ts";
import type { QuestionOf } from "./question.ts";
import { domesticOverseas } from "./region.ts";
import { research } from "./research.ts";
import { search } from "./search.ts";
import { sensors } from "./sensors.ts";
import { series } from "./series.ts";
import { oneSource } from "./source.ts";
import { sourcesTop } from "./sources.ts";
import { tsubame } from "./tsubame.ts";

/** Every question that can be asked; the contract's endpoints have the same names. */
export const questions: { readonly [Q in QuestionName]: QuestionOf<Q> } = {
  "ports/top": portsTop,
  "ports/by-sensor": portsBySensor,
  port: onePort,
  series,
  "region/domestic-overseas": domesticOverseas,
  "mirai/hosts": miraiHosts,
  "mirai/ports": miraiPorts,
  "scanners/research": research,
  countries,
  networks,
  "sources/top": sourcesTop,
  source: oneSource,
  news,
  sensors,
  "reports/tsubame": tsubame,
  search,
};

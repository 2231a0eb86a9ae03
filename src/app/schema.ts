// SPDX-License-Identifier: Apache-2.0
export { schemaSql } from "../store/flows/ddl.ts";

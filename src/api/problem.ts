// SPDX-License-Identifier: Apache-2.0
import { STATUS_CODES } from "node:http";
import type { FastifyReply, FastifyRequest } from "fastify";
import { AppError } from "../platform/errors.ts";
import type { Problem } from "./contract/index.ts";
import { problemPage, problemPolicy } from "./problem-page.ts";

/** What fastify itself refuses before a route is reached. */
const asAppError = (error: unknown): AppError => {
  if (error instanceof AppError) return error;
  const status = typeof error === "object" && error !== null && "statusCode" in error ? Number(error.statusCode) : 500;
  const message = error instanceof Error ? error.message : "not valid";
  if (status === 413) return new AppError("BODY_TOO_LARGE", "the body is larger than this address takes");
  if (status === 415) return new AppError("BODY_TYPE", "send application/json");
  const code = typeof error === "object" && error !== null && "code" in error ? String(error.code) : "";
  if (code.startsWith("FST_ERR_CTP") || error instanceof SyntaxError) {
    if (status < 500) return new AppError("BODY_INVALID", "the body is no JSON");
  }
  if (status === 404) return new AppError("NOT_FOUND", message);
  if (status >= 400 && status < 500) return new AppError("QUERY_PARAMETER", message);
  return new AppError("INTERNAL", "a fault of the program; the log has the details");
};

/** What is told of a fault inside: the engine's own words speak of tables, folders and memory, and stay in the log. */
const detailOf = (error: AppError): string => {
  if (error.code === "STORE_QUERY_LIMIT") return "the question went beyond its limits of time or memory: ask for less";
  if (error.code.startsWith("DESK_")) return "the desk could not answer; the log has the details";
  return error.code.startsWith("STORE_") ? "the store could not answer; the log has the details" : error.message;
};

/** Answers with RFC 9457 `application/problem+json`; a person whose browser goes to the address gets a page in words instead. */
export const sendProblem = (
  reply: FastifyReply,
  error: unknown,
  request: FastifyRequest,
  onFault: ((error: unknown, request: { id: string; url: string }) => void) | undefined,
): void => {
  const known = asAppError(error);
  // The address may hold a token: the log gets the path alone. Who left the page is no fault.
  if (known.status >= 500 && known.code !== "STORE_QUERY_UNWANTED")
    onFault?.(error, { id: request.id, url: request.url.split("?")[0] ?? "" });
  reply.header("cache-control", "no-store");
  if (known.code === "ACCESS_TOKEN") reply.header("www-authenticate", 'Bearer realm="layang"');
  const { parameter, suggestion, retryAfter } = known.details;
  if (typeof retryAfter === "number") reply.header("retry-after", String(retryAfter));
  // A browser that goes to an address: its person reads words, not JSON.
  if (request.headers["sec-fetch-mode"] === "navigate") {
    reply
      .code(known.status)
      .headers({ "content-security-policy": problemPolicy, vary: "accept-language, sec-fetch-mode" })
      .type("text/html; charset=utf-8")
      .send(problemPage(known.code, request.headers["accept-language"]));
    return;
  }
  const problem: Problem = {
    type: `about:blank#${known.code}`,
    title: STATUS_CODES[known.status] ?? "Error",
    status: known.status,
    code: known.code,
    detail: detailOf(known),
    ...(typeof parameter === "string" ? { parameter } : {}),
    ...(typeof suggestion === "string" ? { suggestion } : {}),
  };
  reply.code(known.status).type("application/problem+json; charset=utf-8").send(JSON.stringify(problem));
};

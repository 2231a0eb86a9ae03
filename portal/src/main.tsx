// SPDX-License-Identifier: Apache-2.0
import { QueryCache, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { ApiError } from "./api.ts";
import { watchHolder } from "./desk/rights.ts";
import "./design/fonts.css";
import "./design/tokens.css";
import "./design/base.css";
import "./shell/shell.css";
import { router } from "./router.tsx";
import { WordsProvider } from "./words/index.tsx";
import { watchScripts } from "./words/scripts.ts";

const client: QueryClient = new QueryClient({
  queryCache: new QueryCache({
    // A session that ended shows the way in again, on the page that was open.
    onError: (error) => {
      if (error instanceof ApiError && error.code === "ACCESS_SIGN_IN")
        void client.invalidateQueries({ queryKey: ["desk", "session"] });
    },
    onSuccess: (answer, { queryKey }) => watchHolder(client, queryKey, answer),
  }),
  defaultOptions: {
    queries: {
      staleTime: 10_000,
      // A refusal stays a refusal; a node that restarts is asked again.
      retry: (count, error) => count < 2 && !(error instanceof ApiError && error.status >= 400 && error.status < 500),
      retryDelay: (count) => 600 * 2 ** count,
    },
  },
});
const root = document.getElementById("app");
if (root !== null) {
  watchScripts(root);
  createRoot(root).render(
    <StrictMode>
      <WordsProvider>
        <QueryClientProvider client={client}>
          <RouterProvider router={router} />
        </QueryClientProvider>
      </WordsProvider>
    </StrictMode>,
  );
}

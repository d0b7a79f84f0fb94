import { MutationCache, QueryCache, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { setNonce } from "get-nonce";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { Failure } from "~/api/client";
import { applyTheme } from "~/frame/theme";
import { makeRouter } from "~/router";
import { askAhead, lookAgain } from "~/session";
import "~/theme.css";

applyTheme();
// Dialogs keep the page behind them from scrolling by a style of their own, which needs the page's leave.
setNonce(document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.content ?? "");

const queries: QueryClient = new QueryClient({
  queryCache: new QueryCache({ onError: (error, query) => lookAgain(queries, error, query) }),
  mutationCache: new MutationCache({ onError: (error) => lookAgain(queries, error, { queryKey: [] }) }),
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      // A refusal stays one; only silence and trouble of the server are worth asking again.
      retry: (times, error) => times < 2 && error instanceof Failure && (error.status === 0 || error.status >= 500),
    },
  },
});

askAhead(queries);
const router = makeRouter(queries);
// The page, and what it asks for, are on their way while the frame is drawn.
void router.load();

const root = document.getElementById("root");
if (root === null) throw new Error("the page has no root");
createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={queries}>
      <RouterProvider router={router} />
    </QueryClientProvider>
  </StrictMode>,
);

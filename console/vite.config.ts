import { fileURLToPath } from "node:url";
import tailwind from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";
import { pack } from "./pack.ts";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** `DRAGOMAN_URL` is the gateway that `npm run dev` asks. */
const gateway = process.env.DRAGOMAN_URL ?? "http://127.0.0.1:4400";

export default defineConfig({
  // Relative, so that the same build works under any base path.
  base: "./",
  plugins: [react(), tailwind(), pack()],
  resolve: { alias: { "~": here("./src") } },
  build: {
    outDir: here("../src/dragoman/console/build"),
    emptyOutDir: true,
    // Everything is a file of its own: a data: URL would need a hole in the content security policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      output: {
        // What every page needs is one file: a browser fetches few at a time.
        codeSplitting: { groups: [{ name: "frame", tags: ["$initial"] }] },
        // Chromium compiles a file while it comes in, beside the page, rather than each function when it is called.
        postBanner: "//# allFunctionsCalledOnLoad\n",
      },
    },
  },
  server: {
    proxy: { "/api": gateway, "/v1": gateway, "/openapi.json": gateway },
  },
});

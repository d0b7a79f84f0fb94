/** Has browsers fetch the page that most see first together with the frame, not after it. */
import type { Plugin } from "vite";

/** `page` is how the name of the page's module ends. */
export function ahead(page: string): Plugin {
  return {
    name: "ahead",
    transformIndexHtml: {
      order: "post",
      handler: (html, { bundle = {} }) => {
        const files = new Set<string>();
        const add = (file: string): void => {
          const chunk = bundle[file];
          if (chunk?.type !== "chunk" || files.has(file)) return;
          files.add(file);
          chunk.imports.forEach(add);
        };
        Object.values(bundle).forEach((chunk) => chunk.type === "chunk" && chunk.facadeModuleId?.endsWith(page) && add(chunk.fileName));
        return [...files]
          .filter((file) => !html.includes(file))
          .map((file) => ({ tag: "link", attrs: { rel: "modulepreload", crossorigin: true, href: `./${file}` }, injectTo: "head" }));
      },
    },
  };
}

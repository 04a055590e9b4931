import { readFileSync } from "node:fs";

import { defineConfig, type Plugin } from "vite";

interface Locked {
  packages: Record<string, { version: string; license?: string; dev?: boolean; optional?: boolean }>;
}

/** Write who made what the page is made of, and under which licence, beside it. */
function licences(): Plugin {
  return {
    name: "licences",
    generateBundle() {
      const { packages } = JSON.parse(readFileSync("package-lock.json", "utf8")) as Locked;
      const bundled = Object.entries(packages).filter(([path, { dev }]) => path && !dev);
      const lines = bundled.map(([path, { version, license }]) => {
        const name = path.replace("node_modules/", "");
        const text = ["LICENSE", "LICENSE.md", "LICENSE.txt", "LICENCE"].map((file) => read(`${path}/${file}`)).find(Boolean);
        return `${name} ${version}: ${license ?? "?"}\n\n${text?.trim() ?? `https://spdx.org/licenses/${license}`}\n`;
      });
      this.emitFile({ type: "asset", fileName: "licences.txt", source: lines.join(`\n${"-".repeat(80)}\n\n`) });
    },
  };
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

export default defineConfig({
  plugins: [licences()],
  esbuild: { jsx: "automatic", jsxImportSource: "preact" },
  build: {
    outDir: "../static",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0, // data: addresses are not in the content security policy
    modulePreload: { polyfill: false },
  },
  server: { proxy: { "/api": "http://127.0.0.1:8000" } },
});

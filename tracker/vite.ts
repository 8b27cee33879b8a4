// The Vite plugin: after a build the site is published, and its pages carry the tag. Owns what of it is Vite's; hashing
// and signing are the publish command's. Does nothing while developing, where every file is about to change.

import { access } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { HtmlTagDescriptor, Plugin, ResolvedConfig } from "vite";
import { baseUrlOf } from "./manifest/address.ts";
import { openSigningKey, type SigningKey } from "./manifest/keys.ts";
import {
  DEFAULT_PLACE,
  existingManifest,
  nextEpoch,
  recogniserOf,
  replaceFile,
  wouldBePublished,
} from "./manifest/manifest-file.ts";
import { bytesInWords } from "./manifest/progress-bar.ts";
import { publish } from "./manifest/publish.ts";
import { DEFAULT_KEY_FILE } from "./manifest/publish-flags.ts";

/** Whose site it is, and what the tag says. */
export interface ShoalOptions {
  /** Where the site will be: an http(s) URL. Vite's `base` is resolved against it. */
  readonly site: string;
  /** The tracker, an http(s) URL: where the tag loads its script from. */
  readonly tracker: string;
  /** File of the signing key, made if absent; relative to Vite's root, outside of what is published. Keep it. */
  readonly key?: string;
  /** The pages believe no other key, whatever a tracker says (`data-key`). What a tracker attests with a key of its own is refused then. */
  readonly pin?: boolean;
  /** Writes the worker file too and names it on the tag, so that plain HTML is delivered through Shoal. */
  readonly serviceWorker?: boolean;
  /** More attributes of the tag, without `data-`: `{ consent: "ask", "cache-mb": "200" }`. */
  readonly attributes?: Readonly<Record<string, string>>;
}

/** What the worker is called; it lies where the pages lie, since that is what it may control. */
const WORKER_FILE = "shoal-sw.js";
const ATTRIBUTE = /^[a-z]+(-[a-z]+)*$/;

/** Throws one sentence for options that mean nothing. Fails the build when something cannot be published. */
export function shoal(options: ShoalOptions): Plugin {
  const site = urlFrom("site", options.site);
  const tracker = urlFrom("tracker", options.tracker);
  const attributes = Object.entries(options.attributes ?? {});
  const wrong = attributes.find(([name]) => !ATTRIBUTE.test(name) || name.startsWith("data-"));
  if (wrong !== undefined) {
    throw new Error(
      `shoal: the attribute "${wrong[0]}" must be a name such as "consent", without data-.`,
    );
  }
  let config: ResolvedConfig;
  let key: SigningKey;
  let isWritten = false;

  return {
    name: "shoal",
    apply: (_config, { command, isSsrBuild }) => command === "build" && isSsrBuild !== true,
    // Only pages are published; an app's server is another environment of the same build.
    applyToEnvironment: ({ name }) => name === "client",
    configResolved(resolved) {
      config = resolved;
    },
    async buildStart() {
      const { root, logger } = config;
      const file = resolve(root, options.key ?? DEFAULT_KEY_FILE);
      for (const directory of [outputOf(config), config.publicDir]) {
        if (directory !== "" && (await wouldBePublished(directory, file))) {
          throw new Error(`shoal: the key ${file} lies in ${directory}, where it would be public.`);
        }
      }
      const opened = await openSigningKey(file);
      key = opened.key;
      if (opened.created) {
        logger.info(`shoal: made a signing key, ${file}. Keep it, and do not publish it.`);
      }
    },
    async generateBundle() {
      if (options.serviceWorker !== true) return;
      const own = join(config.publicDir, WORKER_FILE);
      const isTaken = await access(own).then(
        () => true,
        () => false,
      );
      if (config.publicDir !== "" && isTaken) {
        throw new Error(`shoal: ${own} is a worker already; import shoal-sw.js there instead.`);
      }
      const source = `importScripts(${JSON.stringify(new URL("shoal-sw.js", tracker).href)});\n`;
      this.emitFile({ type: "asset", fileName: WORKER_FILE, source });
    },
    transformIndexHtml: () => [tag()],
    writeBundle() {
      isWritten = true;
    },
    // After the plugins that still write something when everything is written.
    closeBundle: {
      order: "post",
      sequential: true,
      async handler() {
        if (!isWritten) return;
        isWritten = false;
        const directory = outputOf(config);
        const out = join(directory, ...DEFAULT_PLACE);
        const publication = await publish(
          {
            directory,
            baseUrl: deployed(),
            epoch: nextEpoch(Date.now(), await existingManifest(out)),
            isLeftOut: await recogniserOf([out]),
          },
          { key },
        );
        await replaceFile(out, publication.text);
        for (const { file, why } of publication.skipped) {
          config.logger.warn(`shoal: left out ${file}: ${why}.`);
        }
        const { files, assets, bytes } = publication;
        config.logger.info(
          `shoal: published ${files} files, ${assets} URLs, ${bytesInWords(bytes)}; key ${key.publicKey}`,
        );
      },
    },
  };

  /** Where what is built will be; a relative base is the site itself. */
  function deployed(): URL {
    return new URL(config.base === "" ? "./" : config.base, site);
  }

  function tag(): HtmlTagDescriptor {
    const home = deployed();
    const address = (path: string): string => {
      const { origin, pathname, href } = new URL(path, home);
      return origin === site.origin ? pathname : href;
    };
    const manifest = address(DEFAULT_PLACE.join("/"));
    const isDefault = manifest === `/${DEFAULT_PLACE.join("/")}`;
    const attrs = {
      src: new URL("shoal.js", tracker).href,
      async: true,
      ...(isDefault ? {} : { "data-manifest": manifest }),
      ...(options.pin === true ? { "data-key": key.publicKey } : {}),
      ...(options.serviceWorker === true ? { "data-service-worker": address(WORKER_FILE) } : {}),
      ...Object.fromEntries(attributes.map(([name, value]) => [`data-${name}`, value])),
    };
    return { tag: "script", attrs, injectTo: "head-prepend" };
  }
}

function urlFrom(option: string, text: string): URL {
  const url = baseUrlOf(text);
  if (url === undefined) {
    throw new Error(`shoal: ${option} must be an http(s) URL without user, query or fragment.`);
  }
  return url;
}

const outputOf = ({ root, build }: ResolvedConfig): string => resolve(root, build.outDir);

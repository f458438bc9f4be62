/** The user's cache folder: where data sets that were downloaded or generated are kept between runs. */
import { homedir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";

/**
 * `$ATLAS_CACHE`, else `$XDG_CACHE_HOME/latent-atlas`, else the platform's place for caches (Linux
 * `~/.cache/latent-atlas`, macOS `~/Library/Caches/latent-atlas`, Windows `%LOCALAPPDATA%\latent-atlas`).
 * The folder need not exist yet.
 */
export function cacheFolder(
  environment: NodeJS.ProcessEnv = process.env,
  platform: NodeJS.Platform = process.platform,
  home: string = homedir(),
): string {
  if (environment.ATLAS_CACHE) return resolve(environment.ATLAS_CACHE);
  const xdg = environment.XDG_CACHE_HOME;
  if (xdg && isAbsolute(xdg)) return join(xdg, "latent-atlas"); // a relative one is to be ignored (XDG specification)
  if (platform === "darwin") return join(home, "Library", "Caches", "latent-atlas");
  if (platform === "win32") return join(environment.LOCALAPPDATA || join(home, "AppData", "Local"), "latent-atlas");
  return join(home, ".cache", "latent-atlas");
}

// A media element whose file comes through the service worker.

/**
 * Sets `crossorigin` and then the source; also for files of the page's own site. Without it a media request is `no-cors`, whose
 * answers browsers treat as nobody's: another site's cannot be shared at all, and browsers have begun to send such requests past
 * every service worker (whatwg/fetch#1936). The order matters, because the source is asked for at once. The file's site
 * must allow CORS if it is another one.
 */
export function prepareMedia(element: HTMLMediaElement, url: string): void {
  element.crossOrigin = "anonymous";
  element.src = url;
}

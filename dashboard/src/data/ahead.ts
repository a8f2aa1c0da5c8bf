const started = new Set<string>();
const responses = new Map<string, Promise<Response>>();

/** Begins to fetch files of the site, each once, while the code that reads them is loaded. */
export function fetchAhead(paths: readonly string[]) {
  for (const path of paths) {
    if (started.has(path)) continue;
    started.add(path);
    const response = fetch(path);
    // The code that reads the file handles the failure.
    response.catch(() => undefined);
    responses.set(path, response);
  }
}

/** Returns the response of a file that is fetched ahead, only the first time. */
export function takeAhead(path: string): Promise<Response> | undefined {
  const response = responses.get(path);
  responses.delete(path);
  return response;
}

import { AdmitError, type AdmitErrorCode } from './errors.js';

const CODES: Readonly<Record<number, AdmitErrorCode>> = {
  401: 'not_logged_in',
  403: 'forbidden',
  404: 'not_found',
  408: 'unavailable',
  422: 'invalid_body',
  425: 'unavailable',
  429: 'over_limit',
};

/** Problems that say more than their status, with it. */
const PARTICULAR = ['403 origin_not_allowed', '404 tickets_disabled'];

interface Problem {
  readonly code?: string | undefined;
  readonly title?: string | undefined;
  readonly detail?: string | undefined;
}

/**
 * What an answer other than 2xx means. The status decides whether it may pass, and the gateway's RFC 9457 problem what it is
 * in particular; an answer of something in between (a proxy, a captive portal) goes by its status alone.
 *
 * @param keeps problems whose code it gives something for keep that code, whatever the status
 */
export function problemOf(
  response: Response,
  text: string,
  keeps: (code: string) => unknown = () => false,
): AdmitError {
  const { status, headers } = response;
  const { code: problemCode, ...problem } = readProblem(headers.get('content-type'), text);
  const isParticular = keeps(problemCode ?? '') || PARTICULAR.includes(`${status} ${problemCode}`);
  const code =
    (isParticular && problemCode) || (CODES[status] ?? (status < 500 ? 'invalid_request' : 'unavailable'));
  const said = [problemCode ?? code, problem.detail ?? problem.title].filter(Boolean).join(': ');
  return new AdmitError(code, `the gateway answered ${status} ${said}`, {
    status,
    retryAfterMs: retryAfterMs(headers),
    problemCode,
    problem,
  });
}

function readProblem(mediaType: string | null, text: string): Problem {
  if (!/^application\/problem\+json\s*(;|$)/i.test(mediaType ?? '')) return {};
  const textOf = (value: unknown) => (typeof value === 'string' ? value : undefined);
  try {
    const { code, title, detail } = Object(JSON.parse(text));
    return {
      code: /^[a-z0-9_]{1,64}$/.test(code) ? textOf(code) : undefined,
      title: textOf(title),
      detail: textOf(detail),
    };
  } catch {
    return {};
  }
}

/**
 * RFC 9110 §10.2.3, in seconds. The other form, a date, says nothing to a page whose clock may be wrong and which is not
 * shown the answer's own.
 */
function retryAfterMs(headers: Headers): number | undefined {
  const value = headers.get('retry-after') ?? '';
  return /^\d+$/.test(value) ? Number(value) * 1000 : undefined;
}

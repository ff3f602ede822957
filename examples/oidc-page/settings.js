/** The one thing that the page has to be told; where people log in it asks the gateway. */
export const GATEWAY = 'http://127.0.0.1:8080';

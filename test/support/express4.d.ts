/** Express 4 under its alias: it brings no types, and what the tests use of it is in Express 5's. */
declare module 'express4' {
  import express from 'express';
  export default express;
}

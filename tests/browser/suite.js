// Tests by name, one after the other; the last line says how many passed.

const tests = [];

export function test(name, body) {
  tests.push([name, body]);
}

export async function runAll(context) {
  const only = process.argv[2];
  let passed = 0;
  let failed = 0;
  for (const [name, body] of tests.filter(([name]) => !only || name.includes(only))) {
    try {
      await body(context);
      passed += 1;
      console.log(`ok      ${name}`);
    } catch (error) {
      failed += 1;
      console.log(`FAILED  ${name}\n        ${String(error.stack ?? error).replaceAll("\n", "\n        ")}`);
    }
  }
  console.log(`${passed} passed, ${failed} failed`);
  return failed === 0;
}

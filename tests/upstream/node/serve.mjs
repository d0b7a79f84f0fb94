// Serve aimock on a free loopback port, say where on one line, and end with standard input.
import { LLMock } from "@copilotkit/aimock";

const mock = new LLMock({ port: 0, strict: true, chunkSize: 4, ...JSON.parse(process.argv[2]) });
console.log(`listening ${await mock.start()}`);
process.stdin.resume().on("end", () => process.exit(0));

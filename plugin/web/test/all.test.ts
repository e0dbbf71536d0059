import "./grid.test.ts";
import "./cube.test.ts";
import "./keys.test.ts";
import "./texts.test.ts";
import "./contour.test.ts";
import "./fit.test.ts";
import "./slab.test.ts";
import "./arrange.test.ts";

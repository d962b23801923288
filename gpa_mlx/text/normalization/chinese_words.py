"""Tables of Chinese: what is counted, what numbers are names, what signs are called; in simplified characters."""

from __future__ import annotations

from gpa_mlx.text.normalization.rules import listed

MEASURES = listed("""
    个 只 位 人 名 本 张 条 件 台 辆 次 天 年 周 小时 分钟 秒 元 块 米 公里 公斤 千克 克 岁 倍 种 家 间 杯 瓶 万 亿
    千 百万 千万 百 页 场 座 所 部 篇 首 句 遍 趟 双 对 套 份 组 排 群 片 枚 颗 粒 棵 根 支 架 艘 匹 头 升 吨 厘米
    毫米 毫升 平方米 平方公里 立方米 星期 点 杠 项 款 道 口 滴 节 顿 袋 盒 箱 包 美元 欧元 英镑 日元 碗 盘 斤 里 扇
    幅 封 朵 把 顶 批 层楼 卷 册 集 站 步 轮 回 声 拳 眼 票 局 分 刻钟 夜 晚 日游 季 桶 壶 勺 匙 串 束 盆 株 幢 栋
    方面 阶段 类 段 阵 股 伙 拨 行 圈 罐 听 尊 幕 桌 筐 捆 团 堆 门 堂 届 任 户 成 折 毛 角 亩 英里 英尺 英寸 公顷
    平方 立方 加仑 磅 盎司 海里 尺 寸 卡 度 瓦 伏 摄氏度 钟头 礼拜 世纪 学期 学年 学分 处 宗 起 则 字 笔 队 方 侧 岸
    边 端 国 省 市 县 校 地 室 厅 卫 居室 车 单 副 剂 针 盏 锅 瓣 丝 席 拍 枪 发 克拉 斗 缸 篮 面 尾 味 样 桩 半 胜
    负 平 层小楼 层别墅 层复式
    """)
"""What follows a number that counts: 2 is 两 before it."""

NOT_COUNTED = listed("""
    年级 年代 元次 次元 次方 个世界大战 分之 分店 方位 方向 市场 市区 地铁 国道 省道 县道 车间 车道 车站 台词 台阶
    面体 级 负责 页面 场次 点钟方向 部曲 位数字键 度数 季度 段位 排座 排左 排右 排中 排靠 组长 组第 单元 回路 行代码第
    发展 发现 门户 起飞 样本 面积 成本 字路口 角形 角色 边形 方程 极管 平安 平均 平台 平面 平常 平衡 平凡 平局
    """)
"""What begins like a measure and is none; the number before it is a name or an ordinal: 2年级 is 二年级."""

TELEPHONE_WORDS = listed("""
    拨打 拨 打 呼叫 致电 热线 电话 手机 手机号 号码 客服 分机 传真 座机 固话 专线 总机 来电 联系方式 联系 转 Tel TEL
    tel 微信 服务台 内线 外线 短号 微信号 小灵通
    """)
"""Before digits that are a telephone number."""

SPOKEN_NUMBER_WORDS = listed(
    "房间 房号 门牌号 门牌 航班 车次 房间号 包间 包厢 客房 航班号 会议室 教室 办公室 病房 寝室 宿舍"
)
"""Before digits that are said one by one, with 幺 for one as on a telephone."""

CODE_WORDS = listed("""
    微信 微信号 会议号 取餐号 排号 叫号 学籍 保单号 车牌尾号 密码 编号 邮编 邮政编码 邮递区号 尾号 验证码 校验码
    动态码 激活码 邀请码 取件码 取货码 提货码 兑换码 口令 账号 账户 卡号 银行卡 信用卡 储蓄卡 工号 学号 代码 股票
    股票代码 证券代码 基金 基金代码 单号 订单 订单号 快递单号 运单号 流水号 身份证 身份证号 身份证号码 护照 护照号
    证号 准考证号 会员号 合同号 批号 货号 款号 序列号 端口 端口号 群号 条形码 条码 区号 番号 车架号 发票号 机号
    病历号 警号 学籍号 编码 密钥 用户名 邮编号 编号为 期号 文号 案号 ID Id PIN pin QQ QQ号 QQ群 扣扣 信用代码 税号
    """)
"""Before digits that are said one by one."""

QUANTITY_WORDS = listed("""
    共 有 约 达 近 超 余 花 花了 卖 卖了 买 价 价格 售价 只要 仅 剩 剩余 减 加 乘 除以 等于 涨 跌 涨了 跌了 赚 赚了
    亏 欠 付 支付 收 收了 交 借 还 还了 到 至 多 少 大约 大概 超过 不到 不足 总计 合计 共计 共有 一共 第 满 减了
    消费 预算 原价 现价 是 数字
    """)
"""Before a number that is an amount, even where it could be the name of something."""

SIGNS = {
    **{"&": "和", "+": "加", "=": "等于", "×": "乘", "÷": "除以", "±": "正负", "−": "减", "≈": "约等于", "≠": "不等于"},
    **{"≤": "小于等于", "≥": "大于等于", "√": "根号", "∞": "无穷", "%": "百分号", "‰": "千分号", "°": "度", "§": "第"},
    **{"@": "艾特", "№": "号", "$": "美元", "€": "欧元", "£": "英镑", "¥": "元", "²": "平方", "³": "立方"},
    **{"½": "二分之一", "¼": "四分之一", "¾": "四分之三", "⅓": "三分之一", "⅔": "三分之二", "→": "到"},
    **{"℃": "摄氏度", "℉": "华氏度", "©": "版权", "®": "注册商标", "™": "商标", "₩": "韩元", "₹": "卢比", "¢": "美分"},
    **{"∠": "角", "∵": "因为", "∴": "所以", "㎡": "平方米", "㎥": "立方米", "㎞": "公里", "㎏": "公斤", "㎝": "厘米"},
    **{"㎜": "毫米", "㎎": "毫克", "㎖": "毫升", "㏄": "毫升", "₽": "卢布", "฿": "泰铢", "₫": "越南盾", "℅": "转交"},
}
"""What a sign is called where no rule needed it."""

SCALES = ("万亿", "千万", "百万", "十万", "亿", "万", "千", "百")

SHORT_SCALES = {"k": 3, "K": 3, "m": 6, "M": 6, "mn": 6, "b": 9, "B": 9, "bn": 9, "T": 12, "w": 4, "W": 4}
"""How many zeros a letter after an amount of money stands for."""

WORD_SCALES = {"thousand": 3, "million": 6, "billion": 9, "trillion": 12}
"""The same as words, which Chinese text takes over from English."""

CALLED_BY_DIGITS = listed("211 315 404 520 618 666 985 996 1314 233")
"""Numbers that are names unless something is counted with them."""

CALLED_BEFORE = {
    "404": "页面 错误 界面 报错",
    "301": "医院 总医院",
    "309": "医院",
    "360": "安全 公司 浏览器 杀毒 搜索 集团 手机 软件 卫士 借条",
    "361": "度品牌 运动 鞋",
    "58": "同城 到家",
    "51": "job Job JOB",
    "1024": "程序员",
    "8848": "钛金 手机",
    "97": "香港 回归 亚洲金融",
    "98": "抗洪 洪水 特大洪",
    "99": "划算 公益日 重阳",
    "12345": "热线 市长 市民 政务 便民 平台 投诉 服务",
    "110": "报警 接警 民警 指挥 出警 热线 电话 平台 中心 巡警",
    "119": "火警 消防 报警 指挥 热线 电话 中心",
    "120": "急救 救护 热线 电话 指挥 中心 医护",
    "122": "报警 交通 事故 热线 电话",
    "114": "查号 电话 挂号 平台 热线 预约",
    "911": "事件 恐怖 袭击",
    "731": "部队",
    "863": "计划",
    "973": "计划",
    "1949": "建国",
    "8341": "部队",
    "24": "式 式太极",
}
"""Numbers that are names before one of these words."""

SERVICE_NUMBERS = r"(?:123(?:06|15|33|48|20|18|55|58|66|80|88|95)|12123|12110|12328|10086|10010|10099|1068[0-9]{0,8})"
"""Numbers of public services that are hardly ever an amount."""

BRANDS = listed("""
    波音 空客 骁龙 天玑 麒麟 标致 宝马 奔驰 雪铁龙 红米 尼康 佳能 锐龙 龙芯 至强 英特尔 诺基亚 高通 联发科 马自达
    猎鹰 伊尔
    """)
"""Before digits that name a model."""

DESIGNATORS = listed("""
    歼 歼轰 歼教 轰 运 直 强 教 初教 苏 图 米 米格 安 伊尔 东风 巨浪 鹰击 红旗 长征 神舟 天宫 天舟 嫦娥 北斗 风云
    霹雳 翼龙 彩虹 攻击 无侦 枭龙 幻影 阵风 阿波罗 猎鹰 联盟 卡 别 空警 长剑 天问 高分 雪龙 朱雀 力箭 快舟 鲲龙 飞豹
    山东舰 阿丽亚娜 旅行者 先驱者 水手 火星 月球 白杨 萨姆 爱国者 响尾蛇 新舟 实践 资源 海洋 亚太 中星 鹊桥 悟空
    谷神星 天龙 玄武
    """)
"""Before a hyphen that joins a number to a name: 歼-20 is 歼二十."""
